//! What a worker waits for before its first job.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::backoff::Backoff;
use crate::jobs::health::partition_mismatch;
use crate::jobs::store_trait::JobStore;
use crate::{Error, Salver};

/// Delays between checks.
const CHECK_BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));

/// Waits until the store can be used, or the worker stops.
pub(super) async fn wait_until_ready(
    salver: &Salver,
    store: &dyn JobStore,
    mut stopping: watch::Receiver<bool>,
) {
    let mut backoff = CHECK_BACKOFF;
    let mut reported = None;
    loop {
        let reason = match obstacle(salver, store).await {
            Ok(None) => return,
            Ok(Some(reason)) => reason,
            Err(error) if error.is_unavailable() || error.is_in_doubt() || error.is_full() => {
                error.to_string()
            }
            // A user who may not ask, for example.
            Err(error) => {
                tracing::warn!(%error, "the worker cannot check the store");
                return;
            }
        };
        if reported.as_ref() != Some(&reason) {
            tracing::warn!(%reason, "the worker waits for the store");
            reported = Some(reason);
        }
        let stopped = stopping.wait_for(|is_stopping| *is_stopping);
        if timeout(backoff.next_jittered(), stopped).await.is_ok() {
            return;
        }
    }
}

/// Returns why jobs cannot be performed. A store that evicts keys loses jobs. If its queues have another number of
/// partitions, this process claims none of the jobs in the others.
async fn obstacle(salver: &Salver, store: &dyn JobStore) -> Result<Option<String>, Error> {
    if salver.evicts().await? {
        let reason = "the server evicts keys: set `maxmemory-policy noeviction`";
        return Ok(Some(reason.to_owned()));
    }
    let stored = || store.stored_partitions(salver.app(), true);
    let stored = salver.write_idempotent("store_partitions", stored).await?;
    Ok(stored.and_then(|stored| partition_mismatch(stored, store.partitions())))
}
