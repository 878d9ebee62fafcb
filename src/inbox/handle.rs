//! The handle of the inbox of one recipient: listing and counting.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::inbox::key::InboxKey;
use crate::inbox::listing::{self, Cursor, Source};
use crate::inbox::results::{InboxCounts, InboxPage};
use crate::inbox::store::{self, InboxStore};
use crate::{Error, InboxFilter, Recipient, Salver};

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
    pub(super) salver: Salver,
    recipient: Recipient,
    /// The highest position that was listed.
    pub(super) listed: Arc<AtomicU64>,
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
    /// or the groups of the page need: at most five. `after`: the cursor of the page before,
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

    pub(super) fn key(&self) -> InboxKey<'_> {
        InboxKey {
            app: self.salver.app(),
            recipient: &self.recipient,
        }
    }

    pub(super) fn source<'a>(&'a self, store: &'a dyn InboxStore) -> Source<'a> {
        Source {
            salver: &self.salver,
            store,
            key: self.key(),
        }
    }

    pub(super) fn validate(&self, filter: &InboxFilter) -> Result<(), Error> {
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
