//! What a mail says: the subject, the plain text and the HTML of rows of the inbox.

mod content;
mod html;
mod text;

pub(super) use self::content::{Content, MAX_SUBJECT, one_line};
