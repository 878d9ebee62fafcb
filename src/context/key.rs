//! The percent-encoding of names in keys.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All characters except the unreserved ones of RFC 3986, `A-Z a-z 0-9 - . _ ~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns the encoded name.
pub(crate) fn encode(part: &str) -> String {
    utf8_percent_encode(part, RESERVED).to_string()
}

/// Writes the encoded name in pieces, without allocating.
pub(crate) fn encode_into(part: &str, write: impl FnMut(&str)) {
    utf8_percent_encode(part, RESERVED).for_each(write);
}

/// Returns the decoded name; `None` unless [`encode`] would return exactly `part`.
pub(crate) fn decode(part: &str) -> Option<String> {
    let text = percent_decode_str(part).decode_utf8().ok()?;
    (encode(&text) == part).then(|| text.into_owned())
}
