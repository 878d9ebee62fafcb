//! E-mail: what a person is told while they are not on the site.
//!
//! Layer: above the inbox. A job takes what is still unread when its time comes, and sends it.

mod body;
mod letter;
mod mailer;
mod mime;
mod notification_mail;
mod profile;
mod profiles;
mod smtp;
mod words;

pub use self::letter::Letter;
pub use self::mailer::Mailer;
pub use self::profile::Profile;
