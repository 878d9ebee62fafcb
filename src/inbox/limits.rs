//! The limits of an inbox, each with the reason for its value.

use std::time::Duration;

/// Most notifications in one inbox, archived ones included. Bounds the memory of one recipient and
/// what a filter reads. Over it, the oldest one is removed.
pub const MAX_NOTIFICATIONS: usize = 1000;
/// Most notifications of one group and day. A job that runs wild then displaces its own
/// notifications and no others. Over it, the oldest one of the group is removed, and the row still
/// counts it.
pub const MAX_IN_GROUP: usize = 100;
/// Age at which a notification is removed: 90 days. Stops the inboxes of people who have left from
/// filling the store.
pub const MAX_AGE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Longest kind in bytes. Kinds are compared for every notification of a filtered list.
pub const MAX_KIND_BYTES: usize = 128;
/// Longest subject in bytes: the key or path of one object of the site.
pub const MAX_SUBJECT_BYTES: usize = 256;
/// Longest group in bytes, for the same reason.
pub const MAX_GROUP_BYTES: usize = 256;
/// Longest name of an actor in bytes. Stops a name from pushing the text out of sight.
pub const MAX_ACTOR_BYTES: usize = 128;
/// Most rows of one page of a list. Bounds the response to one request.
pub const MAX_ROWS: usize = 100;
/// Rows of a page by default.
pub(super) const DEFAULT_ROWS: usize = 20;

/// The period of a group. Notifications of one group on one UTC day are one row.
pub(super) const GROUP_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);
/// Most ids of removed notifications that are remembered, so that a repeat does not bring them
/// back.
pub(super) const MAX_REMOVED: usize = 1000;
/// How long they are remembered, and how long adds from before an erasure are rejected. Longer than
/// any retry of a job.
pub(super) const REMOVED_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// For how long adds leave the expiry of an inbox as it is: 10 minutes. An inbox expires this much
/// later than [`MAX_AGE`] after the add that set its expiry, so never earlier than that after the
/// last add. Setting it at each add, on seven keys, takes longer than the rest of the add.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "`limits.lua` contains the value")
)]
pub(super) const EXPIRY_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// Most notifications that wait for a mail. Those that were read or removed meanwhile wait too, until a mail takes the
/// others, or there are more. So a job that runs wild does not displace those of others.
pub(super) const MAX_UNMAILED: usize = 2 * MAX_NOTIFICATIONS;
/// Most notifications older than [`MAX_AGE`] that one add removes. Bounds the duration of an add.
pub(super) const MAX_AGED_PER_ADD: usize = 10;
/// Notifications that one call of the store returns: at most five calls read a whole inbox.
pub(super) const READ_SIZE: usize = 200;
/// Notifications that one call of the store marks. Bounds how long other commands wait for it.
pub(super) const MARK_SIZE: usize = 500;
