//! Changes of all jobs that a module selects.

use serde_json::Value;

use crate::jobs::deliveries::MAX_LISTED;
use crate::jobs::queues::{is_for_recipients, places};
use crate::jobs::store;
use crate::jobs::store_trait::{Cursor, JobState, JobStore, QueueKey};
use crate::{Error, Salver};

/// Cancels all jobs for recipients whose tasks are selected. One round trip for each 100 jobs, and one for each page
/// with some that are selected.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(crate) async fn cancel_selected(
    salver: &Salver,
    is_selected: impl Fn(&Value) -> bool,
) -> Result<(), Error> {
    let store = store::of(salver)?;
    let mut places = places(salver.app(), store.partitions());
    places.retain(|place| is_for_recipients(place.queue));
    for place in places {
        for state in [JobState::Waiting, JobState::Dead] {
            let jobs = Jobs {
                salver,
                store: &*store,
                place,
                state,
            };
            jobs.change(Change::Cancel, |task, _| is_selected(task))
                .await?;
        }
    }
    Ok(())
}

/// Attempts the dead jobs of a queue again whose task and time of death are selected. Returns how many. Round trips as
/// of [`cancel_selected`].
///
/// # Errors
///
/// Those of the store. Repeating is safe.
#[cfg(feature = "webhooks")]
pub(crate) async fn retry_selected(
    salver: &Salver,
    queue: &'static str,
    is_selected: impl Fn(&Value, u64) -> bool,
) -> Result<u64, Error> {
    let (store, mut retried) = (store::of(salver)?, 0);
    for partition in 0..store.partitions() {
        let app = salver.app();
        let jobs = Jobs {
            salver,
            store: &*store,
            place: QueueKey {
                app,
                queue,
                partition,
            },
            state: JobState::Dead,
        };
        retried += jobs.change(Change::Retry, &is_selected).await?;
    }
    Ok(retried)
}

#[derive(Clone, Copy)]
enum Change {
    Cancel,
    #[cfg(feature = "webhooks")]
    Retry,
}

/// The jobs of one partition in one state.
struct Jobs<'a> {
    salver: &'a Salver,
    store: &'a dyn JobStore,
    place: QueueKey<'a>,
    state: JobState,
}

impl Jobs<'_> {
    /// Changes those whose task and time are selected. Returns how many.
    async fn change(
        &self,
        change: Change,
        is_selected: impl Fn(&Value, u64) -> bool,
    ) -> Result<u64, Error> {
        let Self {
            salver,
            store,
            place,
            state,
        } = *self;
        let (mut cursor, mut changed) = (None, 0);
        loop {
            let page = store.list(place, state, cursor, MAX_LISTED);
            let page = salver.read("list_jobs", page).await?;
            cursor = Cursor::after(&page);
            if cursor.is_none() {
                return Ok(changed);
            }
            let selected = page
                .iter()
                .filter(|job| is_selected(&job.record.task, job.time));
            let ids: Vec<_> = selected.map(|job| job.id).collect();
            if ids.is_empty() {
                continue;
            }
            changed += match change {
                Change::Cancel => {
                    let finish = || store.finish(place, &ids);
                    salver.write_idempotent("cancel_job", finish).await?
                }
                #[cfg(feature = "webhooks")]
                Change::Retry => {
                    let replay = || store.replay(place, &ids);
                    salver.write_idempotent("retry_job", replay).await?
                }
            };
        }
    }
}
