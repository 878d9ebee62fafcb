//! Whether browsers take a response without `Content-Type` for HTML (MIME Sniffing Standard, section
//! 7.1).

/// The beginnings of an HTML page after white space. A space or `>` follows each but the last.
const TAGS: [&[u8]; 16] = [
    b"<!DOCTYPE HTML",
    b"<HTML",
    b"<HEAD",
    b"<SCRIPT",
    b"<IFRAME",
    b"<H1",
    b"<DIV",
    b"<FONT",
    b"<TABLE",
    b"<A",
    b"<STYLE",
    b"<TITLE",
    b"<B",
    b"<BODY",
    b"<BR",
    b"<P",
];
const COMMENT: &[u8] = b"<!--";

/// Returns whether the first bytes of a body are those of an HTML page.
pub(crate) fn is_html(body: &[u8]) -> bool {
    let is_space = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
    let start = body.iter().position(|byte| !is_space(byte));
    let body = body.get(start.unwrap_or(body.len())..).unwrap_or_default();
    let begins_with = |tag: &[u8]| {
        let (name, rest) = body.split_at_checked(tag.len()).unwrap_or_default();
        name.eq_ignore_ascii_case(tag) && matches!(rest.first(), Some(b' ' | b'>'))
    };
    body.starts_with(COMMENT) || TAGS.iter().any(|tag| begins_with(tag))
}
