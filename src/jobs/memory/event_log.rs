//! The log of events in memory.

use std::time::Duration;

use crate::jobs::event_log::{EventLog, NewEvent, Published, StoredEvent};
use crate::jobs::id::JobId;
use crate::jobs::memory::MemoryJobs;
use crate::jobs::store_trait::{NewJob, QueueKey};
use crate::store::{StoreFuture, millis};

impl EventLog for MemoryJobs {
    fn publish<'a>(
        &'a self,
        queue: QueueKey<'a>,
        job: &'a NewJob,
        event: NewEvent<'a>,
        ttl: Duration,
        max_due: usize,
    ) -> StoreFuture<'a, Published> {
        Box::pin(async move {
            self.with(queue, |queue, now| {
                if let Some(known) = queue.events.find(now, job.id, event) {
                    return Ok(known);
                }
                queue.enqueue(now, std::slice::from_ref(job), max_due)?;
                queue.events.insert(now, job.id, event, now + millis(ttl));
                Ok(Published::Accepted)
            })
        })
    }

    fn event<'a>(&'a self, queue: QueueKey<'a>, id: JobId) -> StoreFuture<'a, Option<StoredEvent>> {
        Box::pin(async move { Ok(self.with(queue, |queue, now| queue.events.get(now, id))) })
    }

    fn expire_event<'a>(
        &'a self,
        queue: QueueKey<'a>,
        id: JobId,
        ttl: Duration,
        max_ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.with(queue, |queue, now| {
                queue
                    .events
                    .expire(id, now + millis(ttl), now + millis(max_ttl));
            });
            Ok(())
        })
    }
}
