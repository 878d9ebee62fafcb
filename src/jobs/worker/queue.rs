//! The queue of a runner.

use std::sync::Arc;

use crate::Salver;
use crate::jobs::handler::Handler;
use crate::jobs::heartbeat::Resting;
use crate::jobs::store_trait::{JobStore, QueueKey};
use crate::jobs::worker::settings::Settings;

/// All that the attempts of one queue share.
pub(super) struct Queue {
    pub(super) salver: Salver,
    pub(super) store: Arc<dyn JobStore>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) settings: Settings,
    /// Why queues of the worker rest, for its reports.
    pub(super) resting: Arc<Resting>,
}

impl Queue {
    /// Returns how many jobs are attempted at the same time.
    pub(super) fn concurrency(&self) -> usize {
        self.handler.concurrency(self.settings.concurrency)
    }

    pub(super) fn key(&self, partition: usize) -> QueueKey<'_> {
        QueueKey {
            app: self.salver.app(),
            queue: self.handler.queue(),
            partition,
        }
    }
}
