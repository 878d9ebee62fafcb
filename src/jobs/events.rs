//! Events, each with the job that fans it out.

use std::time::Duration;

use crate::jobs::enqueue::MAX_DUE;
use crate::jobs::event_log::{NewEvent, Published, StoredEvent};
use crate::jobs::health::JobsHealth;
use crate::jobs::id::JobId;
use crate::jobs::store;
use crate::jobs::store_trait::{NewJob, QueueKey};
use crate::{Error, Salver};

/// Stores an event with its job, once. It is kept for `ttl`.
///
/// # Errors
///
/// `is_full` for a full queue, and those of the store. Repeating is safe.
pub(crate) async fn publish(
    salver: &Salver,
    queue: &'static str,
    job: &NewJob,
    event: NewEvent<'_>,
    ttl: Duration,
) -> Result<Published, Error> {
    let (log, key) = (store::event_log_of(salver)?, key(salver, queue, job.id)?);
    salver.add_health_source::<JobsHealth>();
    let publish = || log.publish(key, job, event, ttl, MAX_DUE);
    salver.write_idempotent("publish", publish).await
}

/// Returns the event of a job; `None` if it is not known any more.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn event(
    salver: &Salver,
    queue: &'static str,
    id: JobId,
) -> Result<Option<StoredEvent>, Error> {
    let (log, key) = (store::event_log_of(salver)?, key(salver, queue, id)?);
    salver.read("read_event", log.event(key, id)).await
}

/// Keeps the event of a job for `ttl` at least. One that is kept for longer than `max_ttl` has waited for its job: it is kept
/// for `ttl`.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn expire_event(
    salver: &Salver,
    queue: &'static str,
    id: JobId,
    ttl: Duration,
    max_ttl: Duration,
) -> Result<(), Error> {
    let (log, key) = (store::event_log_of(salver)?, key(salver, queue, id)?);
    let expire = || log.expire_event(key, id, ttl, max_ttl);
    salver.write_idempotent("expire_event", expire).await
}

/// Records that a job is done.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn finish(salver: &Salver, queue: &'static str, id: JobId) -> Result<(), Error> {
    let (store, key) = (store::of(salver)?, key(salver, queue, id)?);
    let ids = [id];
    let finish = || store.finish(key, &ids);
    salver
        .write_idempotent("finish_job", finish)
        .await
        .map(drop)
}

/// Returns how many jobs of a queue are due.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn due_jobs(salver: &Salver, queue: &'static str) -> Result<u64, Error> {
    let (store, mut due) = (store::of(salver)?, 0);
    for partition in 0..store.partitions() {
        let key = QueueKey {
            app: salver.app(),
            queue,
            partition,
        };
        due += salver.read("count_jobs", store.counts(key)).await?.due;
    }
    Ok(due)
}

fn key<'a>(salver: &'a Salver, queue: &'static str, id: JobId) -> Result<QueueKey<'a>, Error> {
    Ok(QueueKey {
        app: salver.app(),
        queue,
        partition: id.partition(store::of(salver)?.partitions()),
    })
}
