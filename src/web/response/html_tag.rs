//! Parsing of one HTML tag, from its `<`: its length, its name and its `id`.

use memchr::memchr;

/// Returns the length of a tag up to and including its `>`; `None` if the tag is incomplete. A `>`
/// in a quoted attribute value does not end the tag.
pub(crate) fn length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let is_delimiter = |byte: &u8| matches!(byte, b'>' | b'"' | b'\'');
        at += text.get(at..)?.iter().position(is_delimiter)?;
        let (before, found) = (text.get(..at)?, *text.get(at)?);
        at += 1;
        if found == b'>' {
            return Some(at);
        }
        // A quote opens a value only after an equals sign.
        if before.trim_ascii_end().ends_with(b"=") {
            at += memchr(found, text.get(at..)?)? + 1;
        }
    }
}

/// Returns the name of a complete tag.
pub(crate) fn name(tag: &[u8]) -> &[u8] {
    let name = tag.get(1..).unwrap_or_default();
    split_at(name, name.iter().position(is_separator)).0
}

/// Returns the `id` of a complete tag. Of several, the first counts.
pub(crate) fn id(tag: &[u8]) -> Option<&[u8]> {
    let mut rest = tag.get(1 + name(tag).len()..)?;
    loop {
        rest = rest.get(rest.iter().position(|byte| !is_separator(byte))?..)?;
        let ends_name = |byte: &u8| is_separator(byte) || *byte == b'=';
        let (name, after) = split_at(rest, rest.iter().position(ends_name));
        let Some(value) = after.trim_ascii_start().strip_prefix(b"=") else {
            rest = after;
            continue;
        };
        let (value, after) = read_value(value.trim_ascii_start());
        if name.eq_ignore_ascii_case(b"id") {
            return Some(value);
        }
        rest = after;
    }
}

/// Returns the value of an attribute, with or without quotes, and the text after it.
fn read_value(text: &[u8]) -> (&[u8], &[u8]) {
    match text.split_first() {
        Some((quote @ (b'"' | b'\''), text)) => {
            let (value, after) = split_at(text, memchr(*quote, text));
            (value, after.get(1..).unwrap_or_default())
        }
        _ => split_at(
            text,
            text.iter()
                .position(|byte| byte.is_ascii_whitespace() || *byte == b'>'),
        ),
    }
}

fn is_separator(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>')
}

fn split_at(text: &[u8], at: Option<usize>) -> (&[u8], &[u8]) {
    text.split_at_checked(at.unwrap_or(text.len()))
        .unwrap_or((text, &[]))
}
