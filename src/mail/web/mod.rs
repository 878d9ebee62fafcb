//! The pages of the links in mails, and the addresses of the page of preferences.

#[cfg(feature = "events")]
mod activating;
#[cfg(feature = "events")]
mod activation_page;
#[cfg(feature = "events")]
mod activation_words;
mod contacts;
mod document;
mod page;
mod page_words;
mod routes;
mod shown;
mod subscriptions;
mod unsubscribing;

pub use self::routes::MailRoutes;
