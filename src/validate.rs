//! What words may hold: the checks that messages and addresses share.

use crate::Error;

/// Tells whether a byte needs no escape in a URL, after RFC 3986, nor in JSON, HTML and keys.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

pub(crate) fn too_long(field: &'static str, limit: usize) -> Error {
    Error::invalid(field, format!("is over the limit of {limit} bytes"))
}

/// Checks one line of words: not empty, no control character, within the limit.
pub(crate) fn validate_line(field: &'static str, line: &str, limit: usize) -> Result<(), Error> {
    validate_string(field, line, limit, char::is_control)
}

pub(crate) fn validate_text(field: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    validate_string(field, text, limit, |c| {
        c.is_control() && !matches!(c, '\n' | '\t')
    })
}

fn validate_string(
    field: &'static str,
    words: &str,
    limit: usize,
    refused: impl Fn(char) -> bool,
) -> Result<(), Error> {
    if words.trim().is_empty() {
        return Err(Error::invalid(field, "is empty"));
    }
    if words.len() > limit {
        return Err(too_long(field, limit));
    }
    if words.contains(refused) {
        return Err(Error::invalid(field, "has a control character"));
    }
    Ok(())
}
