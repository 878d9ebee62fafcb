//! The limits of events and subscriptions, each with the harm that it prevents.

use std::time::Duration;

/// Longest type of an event in bytes: that of the kind of a notification.
pub(super) use crate::inbox::MAX_KIND_BYTES as MAX_TYPE_BYTES;
/// Longest id and source of an event in bytes. Stops input from creating keys and records of any size.
pub const MAX_EVENT_ID_BYTES: usize = 256;
/// Longest name of a filter in bytes: that of an attribute in CloudEvents 1.0.
pub const MAX_FILTER_NAME_BYTES: usize = 20;
/// Longest value of a filter and longest subject in bytes. Each value is a part of a key.
pub const MAX_FILTER_VALUE_BYTES: usize = 256;
/// Longest attribute of distributed tracing in bytes: that of `tracestate`, by the Trace Context of the W3C.
pub(super) const MAX_TRACE_BYTES: usize = 512;
/// Most filters of an event, besides the subject. Each further one doubles the patterns that may match.
pub const MAX_FILTERS: usize = 4;
/// Most further types of an event. Bounds what one event has to be matched with.
pub const MAX_ALSO: usize = 4;
/// Most recipients that an event excludes. Bounds its size.
pub const MAX_EXCEPT: usize = 100;
/// Longest event as JSON in bytes: 64 KiB. Stops events from filling the store with documents.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Most combinations of filter names by which the subscriptions of one type differ. Each is a query for each step of
/// a fan-out.
pub const MAX_FILTER_SETS: usize = 32;
/// Most subscriptions of one recipient. Stops a program in a loop from filling the store.
pub const MAX_SUBSCRIPTIONS: usize = 1_000;
/// Longest description of a subscription in bytes: one line of a mail.
pub const MAX_DESCRIPTION_BYTES: usize = 256;
/// Most recipients of one step of a fan-out. Bounds what is repeated after a crash.
pub(super) const MAX_RECIPIENTS_PER_STEP: usize = 500;
/// Most recipients of an event who could not be notified and wait until all others are. Bounds the size of the job.
pub(super) const MAX_FAILED_RECIPIENTS: usize = 100;
/// Most subscriptions that a notification names. They are in the link by which its mail is unsubscribed from.
pub(super) const MAX_NAMED_SUBSCRIPTIONS: usize = 8;
/// How long an event is known before it was fanned out: longer than dead jobs are kept.
pub(super) const WAITING_EVENT_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long an event is known after it was fanned out: publishers that repeat it do so within a day.
pub(super) const EVENT_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an event is known after it was fanned out to endpoints: longer than most deliveries are attempted.
#[cfg(feature = "webhooks")]
pub(super) const DELIVERED_EVENT_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long an event is still kept after a delivery of it has failed: longer than a dead delivery can be replayed.
#[cfg(feature = "webhooks")]
pub(crate) const FAILED_EVENT_TTL: Duration = Duration::from_secs(16 * 24 * 60 * 60);
/// The longest time that an event is known after it was fanned out. One with a longer time waits.
#[cfg(feature = "webhooks")]
pub(super) const MAX_EVENT_TTL: Duration = FAILED_EVENT_TTL;
#[cfg(not(feature = "webhooks"))]
pub(super) const MAX_EVENT_TTL: Duration = EVENT_TTL;
/// How long the link works that activates a subscription of an address.
pub(super) const ACTIVATION_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long a subscription is kept that awaits its activation: longer than its link works, so that the page of an expired
/// link offers another one. Stops strangers from filling the store.
pub(super) const PENDING_TTL: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long a removal from the index may take, from its beginning to its end. Afterwards it removes nothing.
#[cfg(feature = "redis")]
pub(super) const REMOVAL_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a repeated subscription keeps the link of the first mail valid: a link that is sent later lasts longer.
pub(super) const KEEP_LINK: Duration = Duration::from_secs(24 * 60 * 60);
/// How much younger than an event a subscription may be that still counts. The clocks of a Cluster's servers differ, and
/// a clock may go back by an hour between a subscription and the event after it, which must not be lost.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_secs(2 * 60 * 60);
/// How far the time of an event may lie before its acceptance. An older one counts from its acceptance.
pub(super) const MAX_EVENT_AGE: Duration = Duration::from_secs(24 * 60 * 60);
