//! The reports of a running worker.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::jobs::handler::Handler;
use crate::jobs::heartbeat::{HEARTBEAT_INTERVAL, Heartbeat, Resting};
use crate::jobs::store_trait::JobStore;
use crate::{MessageId, Salver};

/// Reports that a worker runs.
pub(super) struct Reporter {
    pub(super) salver: Salver,
    pub(super) store: Arc<dyn JobStore>,
    pub(super) handlers: Vec<Arc<dyn Handler>>,
    pub(super) resting: Arc<Resting>,
}

impl Reporter {
    /// Reports until the worker stops.
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let worker = MessageId::new().to_string();
        let queues = self.handlers.iter().map(|handler| handler.queue());
        let queues: Vec<_> = queues.map(str::to_owned).collect();
        while !*stopping.borrow() {
            let report = Heartbeat {
                queues: queues.clone(),
                resting: self.resting.reasons(),
            };
            self.beat(&worker, Some(&report)).await;
            for handler in &self.handlers {
                // A check that fails is made up for by the next one.
                let _ = handler.check().await;
            }
            // The sender is dropped with the handle, which stops the worker too.
            let stopped = pin!(stopping.wait_for(|is_stopping| *is_stopping));
            let changed = pin!(timeout(HEARTBEAT_INTERVAL, self.resting.changed()));
            if let Either::Left((Err(_), _)) = select(stopped, changed).await {
                break;
            }
        }
        self.beat(&worker, None).await;
    }

    /// A report that fails is made up for by the next one.
    async fn beat(&self, worker: &str, report: Option<&Heartbeat>) {
        let beat = || self.store.beat(self.salver.app(), worker, report);
        let _ = self.salver.write_idempotent("report_worker", beat).await;
    }
}
