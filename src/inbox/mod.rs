//! The inbox: notifications that stay until a person has read them.
//!
//! A flash message reaches one session, on one page, once. A [`Notification`] reaches a person: it
//! is in their inbox on every device, until they read it, archive it or delete it.
//!
//! - [`Salver::notify`](crate::Salver::notify) adds a notification to the inboxes of recipients.
//! - [`Inbox`] lists, counts and marks the notifications of one recipient.
//! - [`Salver::online`](crate::Salver::online) returns who has a page open.
//! - [`Salver::erase`](crate::Salver::erase) and [`Salver::export`](crate::Salver::export) remove and
//!   return all that is stored about a recipient.
//!
//! Layer: above the handle and `web`. The data is in the memory store or in Redis, beside the
//! messages and in keys of its own.
//!
//! # Examples
//!
//! ```
//! use salver::{InboxFilter, Message, Notification, ReadState, Recipient, Salver};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
//! let salver = Salver::memory("graphspace")?;
//! let ada = Recipient::user(7);
//! let text = Message::success("Graph p53 uploaded.").action("Open", "/graphs/7");
//! let note = Notification::new("graph.uploaded", text).subject("graphs/7").group("uploads");
//! salver.notify([ada.clone()], note).await?;
//!
//! let inbox = salver.inbox(&ada);
//! assert_eq!(inbox.counts().await?.unread, 1);
//! let page = inbox.list(&InboxFilter::unread(), None).await?;
//! assert_eq!(page.rows[0].newest.text(), "Graph p53 uploaded.");
//! inbox.mark(&InboxFilter::all().kind("graph"), ReadState::Read).await?;
//! assert_eq!(inbox.counts().await?.unread, 0);
//! # Ok(()) }
//! ```

#[cfg(feature = "web")]
mod changes;
mod encoding;
mod filter;
mod handle;
mod key;
mod limits;
mod listing;
#[cfg(feature = "mail")]
mod mailing;
mod marking;
mod notification;
mod notify;
mod personal_data;
#[cfg_attr(
    not(feature = "live"),
    expect(dead_code, reason = "only processes with streams renew leases")
)]
mod presence;
mod results;
#[cfg(any(feature = "web", feature = "mail"))]
mod row_words;
mod rows;
mod sender;
mod store;
#[cfg(feature = "web")]
mod web;

#[cfg(feature = "events")]
pub(crate) use self::encoding::EncodedNotification;
pub use self::filter::InboxFilter;
pub use self::handle::Inbox;
pub use self::limits::{
    MAX_ACTOR_BYTES, MAX_AGE, MAX_GROUP_BYTES, MAX_IN_GROUP, MAX_KIND_BYTES, MAX_NOTIFICATIONS,
    MAX_ROWS, MAX_SUBJECT_BYTES,
};
#[cfg(feature = "mail")]
pub(crate) use self::mailing::{
    ENDED_JOBS, MailTask, Mails, PlanTask, Taken, Waiting, enqueue_digest, enqueue_rest,
    enqueue_unread, restore_settings, share_settings,
};
#[cfg(feature = "events")]
pub(crate) use self::mailing::{MailJob, enqueue_activation};
pub use self::notification::Notification;
pub use self::results::{InboxCounts, InboxPage, InboxRow, ReadState};
#[cfg(feature = "mail")]
pub(crate) use self::row_words::{actors, group, more};
#[cfg(feature = "events")]
pub(crate) use self::sender::Sender;
#[cfg(feature = "redis")]
pub use self::store::{COUNTS_SCRIPT, LIST_SCRIPT, MARK_SCRIPT, NOTIFY_SCRIPT};
#[cfg(feature = "web")]
pub use self::web::InboxRoutes;
#[cfg(all(feature = "web", feature = "mail"))]
pub(crate) use self::web::MailContact;
