//! The page by which people unsubscribe from mails.

mod page;
mod routes;

pub use self::routes::MailRoutes;
