//! The inbox in pages and as JSON, for the recipient of a request.

mod bell;
mod body;
mod caller;
mod change_name;
mod counts;
#[cfg(feature = "live")]
mod events;
mod flash;
mod list;
#[cfg(feature = "mail")]
mod mail_contact;
mod mark;
mod module;
mod open;
mod page;
#[cfg(feature = "mail")]
mod preferences;
#[cfg(feature = "live")]
mod presence;
mod refusal;
mod routes;
mod selection;
mod settings;

#[cfg(feature = "mail")]
pub(crate) use self::mail_contact::MailContact;
pub use self::routes::InboxRoutes;
