//! The page by which people unsubscribe, and the addresses of the page of preferences.

mod contacts;
mod page;
mod page_words;
mod routes;

pub use self::routes::MailRoutes;
