//! Checks of strings, shared by messages and contexts.

use crate::Error;

/// Returns whether a byte is unreserved by RFC 3986: it needs no escape in URLs, JSON, HTML and
/// keys.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Returns the error for a value of more than `limit` bytes.
pub(crate) fn too_long(field: &'static str, limit: usize) -> Error {
    Error::invalid(field, format!("is over the limit of {limit} bytes"))
}

/// Checks one line of text: not blank, no control character, at most `limit` bytes.
pub(crate) fn validate_line(field: &'static str, line: &str, limit: usize) -> Result<(), Error> {
    validate_string(field, line, limit, char::is_control)
}

/// Checks a text: not blank, no control character except line feed and tab, at most `limit` bytes.
pub(crate) fn validate_text(field: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    validate_string(field, text, limit, |c| {
        c.is_control() && !matches!(c, '\n' | '\t')
    })
}

/// Checks a name whose characters need no escape in keys, JSON and HTML: not empty, unreserved
/// characters only, at most `limit` bytes.
pub(crate) fn validate_name(field: &'static str, name: &str, limit: usize) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::invalid(field, "is empty"));
    }
    if name.len() > limit {
        return Err(too_long(field, limit));
    }
    if !name.bytes().all(is_unreserved) {
        return Err(Error::invalid(
            field,
            "has a character other than A-Z a-z 0-9 - . _ ~",
        ));
    }
    Ok(())
}

/// Returns `false` for most texts without a control character, by a look at their bytes: those of ASCII
/// are one byte, and the others begin with 0xC2.
fn may_have_control_character(value: &str) -> bool {
    let mut bytes = value.bytes();
    bytes.any(|byte| byte < 0x20 || matches!(byte, 0x7f | 0xc2))
}

fn validate_string(
    field: &'static str,
    value: &str,
    limit: usize,
    is_refused: impl Fn(char) -> bool,
) -> Result<(), Error> {
    if value.trim().is_empty() {
        return Err(Error::invalid(field, "is empty"));
    }
    if value.len() > limit {
        return Err(too_long(field, limit));
    }
    if may_have_control_character(value) && value.contains(is_refused) {
        return Err(Error::invalid(field, "has a control character"));
    }
    Ok(())
}
