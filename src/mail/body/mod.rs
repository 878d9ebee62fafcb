//! What a mail says: the subject, the plain text and the HTML of rows of the inbox.

#[cfg(feature = "events")]
mod activation;
mod content;
mod html;
mod text;

#[cfg(feature = "events")]
pub(super) use self::activation::ActivationContent;
pub(super) use self::content::{Content, MAX_SUBJECT, one_line};
