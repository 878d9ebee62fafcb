//! E-mail: notifications of a person who is not on the site.
//!
//! Layer: above the inbox. A job takes what is still unread when its time comes, and sends it.

#[cfg(feature = "events")]
mod activating;
#[cfg(feature = "events")]
mod activation;
mod body;
mod handler;
mod letter;
mod letters;
mod link;
mod mailer;
mod mime;
mod planner;
mod reasons;
mod schedule;
mod smtp;
mod suppression;
mod unsubscribe;
#[cfg(feature = "web")]
mod web;
mod words;
mod worker;

pub use self::letter::Letter;
pub use self::mailer::Mailer;
#[cfg(feature = "web")]
pub use self::web::MailRoutes;
pub use crate::cadence::Cadence;
pub use crate::jobs::Profile;
