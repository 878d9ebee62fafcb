//! The queues of an application.

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
pub(super) const QUEUES: &[&str] = &[
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
pub(super) const OF_PROGRAMS: &[&str] = &[
    #[cfg(feature = "webhooks")]
    WEBHOOK_QUEUE,
    #[cfg(feature = "webhooks")]
    ACTION_QUEUE,
];
