//! Changes of the notifications of an inbox: marking, archiving, removing.

use std::sync::atomic::Ordering;

use crate::inbox::limits::MARK_SIZE;
use crate::inbox::listing;
#[cfg(feature = "web")]
use crate::inbox::results::InboxCounts;
use crate::inbox::results::ReadState;
use crate::inbox::store::{Change, InboxStore, Marked, Place};
use crate::{Error, Inbox, InboxFilter, MessageId};

impl Inbox {
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
            (ReadState::Unread, Place::Archived) => Change::RestoreUnread,
            (ReadState::Read, Place::Archived) => Change::Restore,
            (ReadState::Read, _) => Change::Read,
            (ReadState::Unread, _) => Change::Unread,
            (ReadState::Archived, _) => Change::Archive,
        };
        Ok(self.change("mark", filter, change).await?.changed)
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
    /// not even if [`notify`](crate::Salver::notify) is repeated, within 7 days.
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
}
