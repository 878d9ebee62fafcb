//! The limits of a message, each with the harm that it stops, and the checks that keep them.

use std::time::Duration;

use crate::Error;
use crate::context::is_unreserved;

/// Longest text in bytes. Stops one message from filling the page, or the memory of the store.
pub const MAX_TEXT: usize = 4096;
/// Longest title in bytes. Stops a headline from pushing the text out of sight.
pub const MAX_TITLE: usize = 256;
/// Longest tag in bytes. Scripts compare tags of every message of a context.
pub const MAX_TAG: usize = 64;
/// Longest label of an action in bytes. It has to fit on a button.
pub const MAX_LABEL: usize = 128;
/// Longest link of an action in bytes, what browsers are sure to take.
pub const MAX_URL: usize = 2048;
/// Most JSON in `data`, in bytes. Stops messages from being used as a database.
pub const MAX_DATA: usize = 4096;
/// Largest message in bytes, as stored. Bounds what one look has to carry: 100 of them.
pub const MAX_MESSAGE: usize = 8192;
/// Longest delay of a message: 30 days. Stops a slip of units from keeping a key for ever.
pub const MAX_DELAY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) fn over(field: &'static str, limit: usize) -> Error {
    Error::invalid(field, format!("is over the limit of {limit} bytes"))
}

/// Checks one line of words: not empty, no control character, within the limit.
pub(crate) fn check_line(field: &'static str, line: &str, limit: usize) -> Result<(), Error> {
    check_words(field, line, limit, char::is_control)
}

pub(super) fn check_text(field: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    check_words(field, text, limit, |c| {
        c.is_control() && !matches!(c, '\n' | '\t')
    })
}

fn check_words(
    field: &'static str,
    words: &str,
    limit: usize,
    refused: impl Fn(char) -> bool,
) -> Result<(), Error> {
    if words.trim().is_empty() {
        return Err(Error::invalid(field, "is empty"));
    }
    if words.len() > limit {
        return Err(over(field, limit));
    }
    if words.contains(refused) {
        return Err(Error::invalid(field, "has a control character"));
    }
    Ok(())
}

/// Checks a tag: the one alphabet that needs no escape in a key, in JSON and in HTML.
pub(crate) fn check_tag(tag: &str) -> Result<(), Error> {
    if tag.is_empty() {
        return Err(Error::invalid("tag", "is empty"));
    }
    if tag.len() > MAX_TAG {
        return Err(over("tag", MAX_TAG));
    }
    if !tag.bytes().all(is_unreserved) {
        return Err(Error::invalid(
            "tag",
            "has a character other than A-Z a-z 0-9 - . _ ~",
        ));
    }
    Ok(())
}
