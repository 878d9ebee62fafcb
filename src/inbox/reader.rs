//! The inbox of one recipient.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::inbox::limits::MARK_SIZE;
use crate::inbox::listing::{self, Cursor, Source};
use crate::inbox::results::{InboxCounts, InboxPage, ReadState};
use crate::inbox::store::{self, Change, InboxKey, InboxStore, Marked, Place};
use crate::{Error, InboxFilter, MessageId, Recipient, Salver};

/// The inbox of one recipient. Created by [`Salver::inbox`]; in a handler it is also an extractor,
/// for the recipient of the request.
///
/// Cheap to clone. Every call concerns this recipient only, whatever ids and cursors it gets.
///
/// # Examples
///
/// ```
/// use salver::{InboxFilter, Message, Notification, Recipient, Salver};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("shop")?;
/// let ada = Recipient::user(7);
/// salver.notify([ada.clone()], Notification::new("order.sent", Message::info("Sent."))).await?;
///
/// let inbox = salver.inbox(&ada);
/// let page = inbox.list(&InboxFilter::all(), None).await?;
/// inbox.mark_seen().await?;
/// assert_eq!(page.rows.len(), 1);
/// assert_eq!(inbox.counts().await?.unseen, 0);
/// assert_eq!(inbox.counts().await?.unread, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Inbox {
    salver: Salver,
    recipient: Recipient,
    /// The highest position that was listed.
    listed: Arc<AtomicU64>,
}

impl Salver {
    /// Returns the inbox of a recipient. Sends nothing. An inbox needs no creation: that of a
    /// recipient who was never notified is empty.
    ///
    /// The calls on it fail with [`is_invalid`](Error::is_invalid) for a recipient with an empty
    /// id.
    #[must_use]
    pub fn inbox(&self, recipient: &Recipient) -> Inbox {
        Inbox {
            salver: self.clone(),
            recipient: recipient.clone(),
            listed: Arc::default(),
        }
    }
}

impl Inbox {
    /// Returns the recipient.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// Lists notifications, newest first, and changes nothing.
    ///
    /// One round trip for the first 200 notifications, and one for each further 200 that a filter
    /// or the groups of the page need: at most six. `after`: the cursor of the page before,
    /// [`InboxPage::next`].
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a limit of 0 or 101, a kind of `"a b"`, a cursor that
    /// is not a number. [`is_unavailable`](Error::is_unavailable), [`is_denied`](Error::is_denied),
    /// [`is_unreadable`](Error::is_unreadable), [`is_misconfigured`](Error::is_misconfigured) as
    /// for [`notify`](Salver::notify).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn list(
        &self,
        filter: &InboxFilter,
        after: Option<&str>,
    ) -> Result<InboxPage, Error> {
        let cursor = self.cursor(filter, "after", after)?;
        let store = store::of(&self.salver)?;
        let page = listing::list(self.source(&*store), filter, cursor).await?;
        self.record_listed(&page);
        Ok(page)
    }

    /// Lists the page after a cursor, or the page before one. Returns whether there is a page with
    /// newer rows.
    #[cfg(feature = "web")]
    pub(super) async fn list_between(
        &self,
        filter: &InboxFilter,
        after: Option<&str>,
        before: Option<&str>,
    ) -> Result<(InboxPage, bool), Error> {
        if after.is_some() && before.is_some() {
            let problem = "is set together with `after`";
            return Err(Error::invalid("before", problem).with_operation("list"));
        }
        if before.is_none() {
            return Ok((self.list(filter, after).await?, after.is_some()));
        }
        let cursor = self.cursor(filter, "before", before)?;
        let store = store::of(&self.salver)?;
        let (page, has_newer) = listing::list_newer(self.source(&*store), filter, cursor).await?;
        self.record_listed(&page);
        Ok((page, has_newer))
    }

    fn cursor(
        &self,
        filter: &InboxFilter,
        field: &'static str,
        cursor: Option<&str>,
    ) -> Result<Cursor, Error> {
        let checked = self.validate(filter).and_then(|()| match cursor {
            Some(cursor) => Cursor::parse(field, cursor),
            None => Ok(Cursor::START),
        });
        checked.map_err(|error| error.with_operation("list"))
    }

    fn record_listed(&self, page: &InboxPage) {
        let positions = page.rows.iter().map(|row| row.newest.position());
        let highest = positions.max().unwrap_or(0);
        self.listed.fetch_max(highest, Ordering::Relaxed);
    }

    /// Counts notifications. One round trip.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn counts(&self) -> Result<InboxCounts, Error> {
        let store = self.store("counts")?;
        self.salver.read("counts", store.counts(self.key())).await
    }

    /// Marks the notifications that a filter selects, and returns how many changed. Repeating is
    /// safe.
    ///
    /// One round trip for a filter by ids or without conditions, else one for each 200 that are
    /// read and for each 500 that are marked. The limit and the grouping of the filter do not
    /// matter.
    ///
    /// The number is that of the last attempt, if one was sent again for lack of a reply.
    ///
    /// [`ReadState::Read`] and [`ReadState::Unread`] bring archived ones back into the inbox, if
    /// the filter is [`InboxFilter::archived`].
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list), and [`is_in_doubt`](Error::is_in_doubt): some may have been marked.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some may have been marked. Repeating is safe.
    pub async fn mark(&self, filter: &InboxFilter, state: ReadState) -> Result<u64, Error> {
        let change = match (state, filter.place) {
            (ReadState::Unread, Place::Archived) => return self.restore_as_unread(filter).await,
            (ReadState::Read, Place::Archived) => Change::Restore,
            (ReadState::Read, _) => Change::Read,
            (ReadState::Unread, _) => Change::Unread,
            (ReadState::Archived, _) => Change::Archive,
        };
        Ok(self.change("mark", filter, change).await?.changed)
    }

    async fn restore_as_unread(&self, filter: &InboxFilter) -> Result<u64, Error> {
        self.validate(filter)
            .map_err(|error| error.with_operation("mark"))?;
        let store = self.store("mark")?;
        let ids = listing::matching_ids(self.source(&*store), filter).await?;
        for change in [Change::Restore, Change::Unread] {
            self.change_ids("mark", &*store, &ids, change).await?;
        }
        Ok(ids.len() as u64)
    }

    /// Marks all notifications as seen, up to the newest one that this `Inbox` or a clone of it has
    /// listed. One round trip.
    ///
    /// Seen only rises, and it is one position for all kinds. Without a [`list`](Self::list) before
    /// it on this `Inbox`, it does nothing: the extractor makes a new one for each request.
    ///
    /// # Errors
    ///
    /// As [`mark`](Self::mark).
    ///
    /// # Cancel safety
    ///
    /// As [`mark`](Self::mark).
    pub async fn mark_seen(&self) -> Result<(), Error> {
        match self.listed.load(Ordering::Relaxed) {
            0 => Ok(()),
            listed => self.mark_seen_upto(listed).await.map(drop),
        }
    }

    /// Marks all notifications as seen up to a position, which a page has shown.
    pub(super) async fn mark_seen_upto(&self, position: u64) -> Result<Marked, Error> {
        let store = self.store("mark_seen")?;
        let mark = || store.mark_seen(self.key(), position);
        self.salver.write_idempotent("mark_seen", mark).await
    }

    /// Removes the notifications that a filter selects, and returns how many. They never come back:
    /// not even if [`notify`](Salver::notify) is repeated, within 7 days.
    ///
    /// [`InboxFilter::all`] selects archived ones too. Round trips as for [`mark`](Self::mark), for
    /// each of the two places.
    ///
    /// ```
    /// # use salver::{InboxFilter, Recipient, Salver};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// # let salver = Salver::memory("shop")?;
    /// // The graph was deleted, and its notifications with it.
    /// salver.inbox(&Recipient::user(7)).retract(&InboxFilter::all().subject("graphs/7")).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`mark`](Self::mark).
    ///
    /// # Cancel safety
    ///
    /// As [`mark`](Self::mark).
    pub async fn retract(&self, filter: &InboxFilter) -> Result<u64, Error> {
        let mut removed = self
            .change("retract", filter, Change::Delete)
            .await?
            .changed;
        if filter.place == Place::Inbox && filter.only_ids().is_none() {
            let archived = filter.clone().in_place(Place::Archived);
            removed += self
                .change("retract", &archived, Change::Delete)
                .await?
                .changed;
        }
        Ok(removed)
    }

    /// Changes the notifications that a filter selects.
    pub(super) async fn change(
        &self,
        operation: &'static str,
        filter: &InboxFilter,
        change: Change,
    ) -> Result<Marked, Error> {
        self.validate(filter)
            .map_err(|error| error.with_operation(operation))?;
        let store = self.store(operation)?;
        if let Some(ids) = filter.only_ids() {
            return self.change_ids(operation, &*store, ids, change).await;
        }
        let is_range = filter.is_whole_place() && filter.place != Place::Archived;
        let is_ranged_change =
            change == Change::Read || change == Change::Archive && filter.place == Place::Inbox;
        if is_range && is_ranged_change {
            let mark = || store.mark_upto(self.key(), change, filter.until);
            return self.salver.write_idempotent(operation, mark).await;
        }
        let ids = listing::matching_ids(self.source(&*store), filter).await?;
        self.change_ids(operation, &*store, &ids, change).await
    }

    async fn change_ids(
        &self,
        operation: &'static str,
        store: &dyn InboxStore,
        ids: &[MessageId],
        change: Change,
    ) -> Result<Marked, Error> {
        let mut all = Marked::default();
        for ids in ids.chunks(MARK_SIZE) {
            let mark = || store.mark(self.key(), change, ids);
            let marked = self.salver.write_idempotent(operation, mark).await?;
            all = Marked {
                changed: all.changed + marked.changed,
                ..marked
            };
        }
        Ok(all)
    }

    /// Changes notifications by their ids, in the inbox or in the archive.
    #[cfg(feature = "web")]
    pub(super) async fn change_by_ids(
        &self,
        ids: &[MessageId],
        change: Change,
    ) -> Result<Marked, Error> {
        let store = self.store("mark")?;
        if ids.is_empty() {
            let InboxCounts { unread, unseen, .. } = self.counts().await?;
            return Ok(Marked {
                changed: 0,
                unread,
                unseen,
            });
        }
        self.change_ids("mark", &*store, ids, change).await
    }

    pub(super) fn key(&self) -> InboxKey<'_> {
        InboxKey {
            app: self.salver.app(),
            recipient: &self.recipient,
        }
    }

    fn source<'a>(&'a self, store: &'a dyn InboxStore) -> Source<'a> {
        Source {
            salver: &self.salver,
            store,
            key: self.key(),
        }
    }

    fn validate(&self, filter: &InboxFilter) -> Result<(), Error> {
        self.recipient.validate()?;
        filter.validate()
    }

    /// Returns the storage for a call, after a check of the recipient.
    pub(super) fn store(&self, operation: &'static str) -> Result<Arc<dyn InboxStore>, Error> {
        let checked = self.recipient.validate();
        checked.map_err(|error| error.with_operation(operation))?;
        store::of(&self.salver)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("app", &self.salver.app())
            .field("recipient", &self.recipient)
            .finish()
    }
}
