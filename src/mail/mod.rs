//! E-mail: what a person is told while they are not on the site.
//!
//! Layer: above the inbox. A job takes what is still unread when its time comes, and sends it.

mod letter;
mod mailer;
mod notification_mail;

pub use self::letter::Letter;
pub use self::mailer::Mailer;
