//! The queues of an application.

use crate::jobs::store_trait::QueueKey;
#[cfg(feature = "conformance")]
use crate::jobs::testing::TEST_QUEUE;

/// The queue of mails.
pub(crate) const MAIL_QUEUE: &str = "mail";
/// The queue of jobs that decide when digests are sent.
pub(crate) const PLAN_QUEUE: &str = "plan";
/// The queue of events that are fanned out.
#[cfg(feature = "events")]
pub(crate) const EVENTS_QUEUE: &str = "events";
/// The queue of webhooks.
#[cfg(feature = "webhooks")]
pub(crate) const WEBHOOK_QUEUE: &str = "webhook";
/// The queue of functions that are called with events.
#[cfg(feature = "webhooks")]
pub(crate) const ACTION_QUEUE: &str = "action";
/// The queues, in the order in which they are listed.
const QUEUES: &[&str] = &[
    MAIL_QUEUE,
    PLAN_QUEUE,
    #[cfg(feature = "events")]
    EVENTS_QUEUE,
    #[cfg(feature = "webhooks")]
    WEBHOOK_QUEUE,
    #[cfg(feature = "webhooks")]
    ACTION_QUEUE,
    #[cfg(feature = "conformance")]
    TEST_QUEUE,
];

/// Those among them whose jobs are for programs, not for recipients.
const OF_PROGRAMS: &[&str] = &[
    #[cfg(feature = "webhooks")]
    WEBHOOK_QUEUE,
    #[cfg(feature = "webhooks")]
    ACTION_QUEUE,
];

/// Returns the partitions of all queues of an application, in the order in which they are listed.
pub(super) fn places(app: &str, partitions: usize) -> Vec<QueueKey<'_>> {
    let places = QUEUES.iter().flat_map(|queue| {
        (0..partitions).map(move |partition| QueueKey {
            app,
            queue,
            partition,
        })
    });
    places.collect()
}

/// Returns whether the jobs of a queue are for recipients, not for programs.
pub(super) fn is_for_recipients(queue: &str) -> bool {
    !OF_PROGRAMS.contains(&queue)
}

/// Returns the queue of a name; `None` if there is none.
#[cfg(all(feature = "webhooks", feature = "web"))]
pub(super) fn queue_named(name: &str) -> Option<&'static str> {
    QUEUES.iter().copied().find(|queue| *queue == name)
}
