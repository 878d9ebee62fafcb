//! The keys of one partition of a queue. Its number is their hash tag, so that all are in one hash slot.

use crate::context::encode;
#[cfg(feature = "events")]
use crate::jobs::id::JobId;
use crate::jobs::store_trait::QueueKey;
use crate::redis::Client;

/// What a key holds. The name is a part of the key.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Due,
    Jobs,
    Done,
    Dead,
}

// The keys of each script, in its order. A reply begins with the first key of its request, by which
// it is recognised; where two scripts have the same one, their replies differ otherwise.

pub(super) const ENQUEUE: [Part; 3] = [Part::Jobs, Part::Due, Part::Done];
/// Those after the event.
#[cfg(feature = "events")]
pub(super) const PUBLISH: [Part; 2] = [Part::Jobs, Part::Due];
pub(super) const CLAIM: [Part; 3] = [Part::Due, Part::Jobs, Part::Dead];
pub(super) const FINISH: [Part; 4] = [Part::Done, Part::Due, Part::Jobs, Part::Dead];
pub(super) const RETRY: [Part; 3] = [Part::Dead, Part::Due, Part::Jobs];
pub(super) const REPLAY: [Part; 3] = [Part::Jobs, Part::Due, Part::Dead];
pub(super) const IS_LEASED: [Part; 2] = [Part::Jobs, Part::Dead];
pub(super) const COUNTS: [Part; 2] = [Part::Due, Part::Dead];
pub(super) const TRIM: [Part; 3] = [Part::Done, Part::Dead, Part::Jobs];

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Jobs => "jobs",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// Returns the beginning of the keys of due jobs, in all partitions.
pub(super) fn due_prefix(queue: QueueKey<'_>) -> String {
    format!("{}!due.{}:{{", encode(queue.app), queue.queue)
}

/// Returns the key of the event of a job, `app!event:{0}:` and the id of the job.
#[cfg(feature = "events")]
pub(super) fn event_key(client: &Client, queue: QueueKey<'_>, id: JobId) -> String {
    format!(
        "{}!event:{{{}}}:{id}",
        encode(queue.app),
        tag(client, queue)
    )
}

fn tag(client: &Client, queue: QueueKey<'_>) -> &'static str {
    client
        .partitions()
        .get(queue.partition)
        .copied()
        .unwrap_or("0")
}

/// Returns the keys of a partition, `app!due.mail:{0}` and so on.
pub(super) fn keys(client: &Client, queue: QueueKey<'_>, parts: &[Part]) -> Vec<String> {
    let app = encode(queue.app);
    let tag = tag(client, queue);
    let key = |part: &Part| format!("{app}!{}.{}:{{{tag}}}", part.name(), queue.queue);
    parts.iter().map(key).collect()
}
