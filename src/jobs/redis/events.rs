//! Events in Redis: one key for each, beside the keys of its queue.

use std::time::Duration;

use crate::jobs::event_log::{EventLog, NewEvent, Published, StoredEvent};
use crate::jobs::id::JobId;
use crate::jobs::redis::RedisJobs;
use crate::jobs::redis::scripts::event as scripts;
use crate::jobs::store_trait::{NewJob, QueueKey};
use crate::store::StoreFuture;

/// The commands of the scripts that no script for messages runs, for the health check.
const COMMANDS: [&str; 2] = ["SET KEY value PXAT 1", "GET KEY"];

impl EventLog for RedisJobs {
    fn publish<'a>(
        &'a self,
        queue: QueueKey<'a>,
        job: &'a NewJob,
        event: NewEvent<'a>,
        ttl: Duration,
        max_due: usize,
    ) -> StoreFuture<'a, Published> {
        self.client.require_commands(&COMMANDS);
        Box::pin(scripts::publish(
            &self.client,
            queue,
            job,
            event,
            ttl,
            max_due,
        ))
    }

    fn event<'a>(&'a self, queue: QueueKey<'a>, id: JobId) -> StoreFuture<'a, Option<StoredEvent>> {
        Box::pin(scripts::event(&self.client, queue, id))
    }

    fn expire_event<'a>(
        &'a self,
        queue: QueueKey<'a>,
        id: JobId,
        ttl: Duration,
        max_ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        Box::pin(scripts::expire_event(&self.client, queue, id, ttl, max_ttl))
    }
}
