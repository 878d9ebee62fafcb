//! The interface of the storage of inboxes.

use crate::MessageId;
use crate::inbox::key::InboxKey;
use crate::inbox::results::InboxCounts;
use crate::store::StoreFuture;

/// A set of notifications of an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Those that are not archived.
    Inbox,
    Unread,
    Archived,
}

/// A notification to add.
pub(crate) struct NewNotification<'a> {
    /// Wire v1 with the fields of a notification.
    pub(crate) member: &'a [u8],
    pub(crate) group: Option<&'a str>,
    pub(crate) is_unread: bool,
    /// The id of the message. The id of the notification has the same time and is otherwise random,
    /// so that it does not order notifications of one millisecond.
    pub(crate) order: MessageId,
    /// `None` for a site that sends no mails.
    pub(crate) mail: Option<MailRule<'a>>,
}

/// What decides whether a recipient is mailed about a notification.
pub(crate) struct MailRule<'a> {
    /// The cadence of recipients without a preference.
    pub(crate) default_cadence: String,
    /// The kind, by which a preference is found; `None` if preferences do not count.
    pub(crate) kind: Option<&'a str>,
}

/// The reply to an add.
pub(crate) struct AddReply {
    pub(crate) outcome: AddOutcome,
    /// How often the recipient is mailed about it; empty for a site that sends no mails.
    #[cfg_attr(
        not(feature = "mail"),
        expect(dead_code, reason = "only mails depend on it")
    )]
    pub(crate) cadence: String,
}

/// What an add did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddOutcome {
    Added {
        /// The position in the inbox, close to the time of the add in Unix milliseconds.
        position: u64,
        /// How many were removed because the inbox or the group was full.
        displaced: u64,
    },
    /// The inbox has it.
    Duplicate,
    /// The inbox had it, and does not get it again.
    Removed,
    /// The inbox has a later one with the same tag.
    Superseded,
    /// The recipient was erased after the notification was built.
    Erased,
}

#[cfg(feature = "mail")]
impl AddOutcome {
    /// Returns whether the job that mails the notification has to exist: an add that is repeated after a
    /// failure may have failed before the job was added.
    pub(crate) fn needs_mail(self) -> bool {
        matches!(self, Self::Added { .. } | Self::Duplicate | Self::Removed)
    }
}

/// A change of the state of notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Those in the inbox become read.
    Read,
    /// Those in the inbox become unread.
    Unread,
    /// They leave the inbox for the archive, and become read.
    Archive,
    /// They leave the archive for the inbox.
    Restore,
    /// They leave the archive for the inbox, and become unread there.
    RestoreUnread,
    /// They are removed, and never come back.
    Delete,
}

/// The result of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    /// How many notifications were changed.
    pub(crate) changed: u64,
    pub(crate) unread: u64,
    pub(crate) unseen: u64,
}

/// One notification as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) position: u64,
    pub(crate) is_unread: bool,
    /// How many older ones of its group were removed because the group was full.
    pub(crate) more: u64,
    /// The group and the day; `None` without a group.
    pub(crate) group: Option<String>,
    pub(crate) member: Vec<u8>,
}

/// A part of a place, in descending order of positions.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) unread: u64,
    pub(crate) unseen: u64,
    /// Whether the place has older notifications than these.
    pub(crate) has_more: bool,
    pub(crate) entries: Vec<Entry>,
}

/// The storage of inboxes. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(crate) trait InboxStore: Send + Sync {
    /// Adds one notification.
    fn add<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        new: &'a NewNotification<'a>,
    ) -> StoreFuture<'a, AddReply>;

    /// Changes at most `MARK_SIZE` notifications. Ids that the inbox does not have are skipped.
    fn mark<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        change: Change,
        ids: &'a [MessageId],
    ) -> StoreFuture<'a, Marked>;

    /// Changes all notifications of the inbox up to a position: `Read` or `Archive`.
    fn mark_upto<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        change: Change,
        position: u64,
    ) -> StoreFuture<'a, Marked>;

    /// Raises the seen position, at most to the highest of the inbox.
    fn mark_seen<'a>(&'a self, inbox: InboxKey<'a>, position: u64) -> StoreFuture<'a, Marked>;

    /// Returns at most `limit` notifications with positions below `before`. Changes nothing.
    fn list<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        place: Place,
        before: u64,
        limit: usize,
    ) -> StoreFuture<'a, Page>;

    /// Changes nothing.
    fn counts<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, InboxCounts>;

    /// Removes all that is stored, and rejects notifications that were built earlier.
    fn erase<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, ()>;
}
