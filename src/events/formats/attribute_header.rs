//! Attributes of events in headers: the binary mode of HTTP.

use percent_encoding::percent_decode_str;

use crate::Error;

/// The prefix of the names of headers that are attributes.
pub(crate) const ATTRIBUTE_PREFIX: &str = "ce-";

/// Decodes the value of a header: first quotes (RFC 7230), then percent-encoding.
///
/// # Errors
///
/// `is_invalid` for other bytes than ASCII, and for what is not percent-encoded UTF-8.
pub(in crate::events) fn decode(value: &[u8]) -> Result<String, Error> {
    let invalid = || Error::invalid("attribute", "is a header that is not percent-encoded UTF-8");
    let text = std::str::from_utf8(value).map_err(|_| invalid())?;
    if !text.is_ascii() {
        return Err(invalid());
    }
    let text = unquoted(text.trim());
    let decoded = percent_decode_str(&text).decode_utf8();
    Ok(decoded.map_err(|_| invalid())?.into_owned())
}

/// Removes the quotes of a value that is quoted, and the backslashes in it.
fn unquoted(text: &str) -> String {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let Some(inner) = inner else {
        return text.to_owned();
    };
    let mut is_escaped = false;
    let is_kept = |c: &char| {
        is_escaped = *c == '\\' && !is_escaped;
        !is_escaped
    };
    inner.chars().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_unquoted_then_percent_decoded() {
        for (header, expected) in [
            ("a", Some("a")),
            ("Euro%20%E2%82%AC", Some("Euro €")),
            (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
            ("%22a%22", Some("\"a\"")),
            ("%2541", Some("%41")),
            ("100%", Some("100%")),
            ("%ff", None),
            ("ä", None),
        ] {
            assert_eq!(
                decode(header.as_bytes()).ok().as_deref(),
                expected,
                "{header}"
            );
        }
    }
}
