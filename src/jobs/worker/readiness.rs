//! What a worker waits for before its first job.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::Salver;
use crate::backoff::Backoff;

/// Delays between checks.
const CHECK_BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));

/// Waits until the store replies and removes nothing by itself, or the worker stops. A store that evicts keys
/// forgets jobs without a word.
pub(super) async fn wait_until_ready(salver: &Salver, mut stopping: watch::Receiver<bool>) {
    let mut backoff = CHECK_BACKOFF;
    let mut reported = None;
    loop {
        let reason = match salver.evicts().await {
            Ok(false) => return,
            Ok(true) => "the server evicts keys: set `maxmemory-policy noeviction`".to_owned(),
            Err(error) if error.is_unavailable() => error.to_string(),
            // A user who may not ask, for example.
            Err(error) => {
                tracing::warn!(%error, "the worker cannot check whether the server evicts keys");
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
