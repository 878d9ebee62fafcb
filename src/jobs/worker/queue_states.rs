//! The state of a queue for metrics, as its claims see it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::jobs::store_trait::Claimed;
use crate::jobs::worker::queue::Queue;
use crate::telemetry::{QueueState, record_queue};

/// The state of each partition at its last claim.
#[derive(Default)]
pub(super) struct QueueStates(BTreeMap<usize, QueueState>);

impl QueueStates {
    pub(super) fn set(&mut self, partition: usize, claimed: &Claimed) {
        let first_time = claimed.first_time.unwrap_or(claimed.now);
        let state = QueueState {
            waiting: claimed.waiting,
            dead: claimed.dead,
            latency: Duration::from_millis(claimed.now.saturating_sub(first_time)),
        };
        self.0.insert(partition, state);
    }

    /// Records the state of all partitions.
    pub(super) fn record(&self, queue: &Queue) {
        let mut state = QueueState::default();
        for of_partition in self.0.values() {
            state.waiting += of_partition.waiting;
            state.dead += of_partition.dead;
            state.latency = state.latency.max(of_partition.latency);
        }
        record_queue(queue.salver.shared_app(), queue.handler.queue(), state);
    }
}
