//! The encoding of names in keys.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but `A-Z a-z 0-9 - . _ ~`, the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns a name as it stands in keys.
pub(crate) fn encode(part: &str) -> String {
    utf8_percent_encode(part, RESERVED).to_string()
}

/// Writes a name as it stands in keys, piece by piece.
pub(crate) fn encode_into(part: &str, write: impl FnMut(&str)) {
    utf8_percent_encode(part, RESERVED).for_each(write);
}

/// Returns the name that this encodes; none where [`encode`] would write it otherwise.
pub(crate) fn decode(part: &str) -> Option<String> {
    let text = percent_decode_str(part).decode_utf8().ok()?;
    (encode(&text) == part).then(|| text.into_owned())
}
