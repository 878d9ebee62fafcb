//! The character encoding of a page into which messages are inserted.

use std::fmt::Write;

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};

/// How characters beyond ASCII are written into a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FragmentEncoding {
    /// As they are.
    Utf8,
    /// As character references, which any encoding of a page can contain.
    Ascii,
}

impl FragmentEncoding {
    /// Returns the encoding for a response: UTF-8 only if its `Content-Type` names it. A page can
    /// name another one in a `<meta>` element.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        let parameters = content_type.unwrap_or_default().split(|byte| *byte == b';');
        let is_utf_8 = |parameter: &[u8]| {
            let parameter = parameter.trim_ascii();
            let charset = parameter
                .split_at_checked(b"charset=".len())
                .filter(|(name, _)| name.eq_ignore_ascii_case(b"charset="));
            charset.is_some_and(|(_, value)| {
                let value = value.strip_prefix(b"\"").unwrap_or(value);
                let value = value.strip_suffix(b"\"").unwrap_or(value);
                value.eq_ignore_ascii_case(b"utf-8") || value.eq_ignore_ascii_case(b"utf8")
            })
        };
        match parameters.skip(1).any(is_utf_8) {
            true => Self::Utf8,
            false => Self::Ascii,
        }
    }

    /// Encodes a fragment of HTML.
    pub(crate) fn encode(self, fragment: String) -> String {
        if self == Self::Utf8 || fragment.is_ascii() {
            return fragment;
        }
        let mut encoded = String::with_capacity(fragment.len() * 2);
        for character in fragment.chars() {
            if character.is_ascii() {
                encoded.push(character);
            } else {
                // Writing to a string never fails.
                let _ = write!(encoded, "&#{};", u32::from(character));
            }
        }
        encoded
    }
}
