//! Presence: which people have a page open.
//!
//! Each process keeps a lease for every recipient whose pages it serves, and renews it while a page
//! is open. A process that stops leaves nothing behind: its leases end by themselves.

mod memory;
#[cfg(feature = "live")]
mod open_pages;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod store_trait;
#[cfg(feature = "live")]
mod watch;

use futures_util::future::try_join_all;

#[cfg(feature = "live")]
pub(super) use self::open_pages::OpenPage;
#[cfg(feature = "live")]
pub(super) use self::watch::{OnlineChanges, watch};
use crate::{Error, Recipient, Salver};

impl Salver {
    /// Returns the recipients who have a page open, in any process, sorted by their text form. One
    /// round trip; in a Cluster 16, at the same time.
    ///
    /// A page is open while its [stream](crate::web::Routes) is. That of a recipient whose last page
    /// closes counts for 5 seconds more, as they may be on their way to the next page. The server notices
    /// a closed page at once with `HttpServer::h1_allow_half_closed(false)`, else within 15 seconds. After a
    /// logout a page no longer counts. When a process is killed, its pages count for up to 30 seconds.
    ///
    /// Feature `live` serves streams. Other processes, such as background jobs, need `inbox` alone.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable), [`is_denied`](Error::is_denied),
    /// [`is_unreadable`](Error::is_unreadable), as for [`peek`](Self::peek).
    /// [`is_misconfigured`](Error::is_misconfigured): the store is a custom one.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// A notification to all who are online:
    ///
    /// ```
    /// use salver::{Message, Notification, Salver};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// # let salver = Salver::memory("shop")?;
    /// let note = Notification::new("maintenance", Message::warning("Back in five minutes."));
    /// salver.notify(salver.online().await?, note).await?;
    /// # Ok(()) }
    /// ```
    pub async fn online(&self) -> Result<Vec<Recipient>, Error> {
        let store = store::of(self).map_err(|error| error.with_operation("online"))?;
        let partitions = 0..store.partitions();
        let reads = partitions.map(|partition| store.online(self.app(), partition));
        let online = self.read("online", try_join_all(reads)).await?;
        let mut online = online.concat();
        // One recipient may have pages in several processes.
        online.sort_unstable();
        online.dedup();
        Ok(online)
    }
}
