//! Inserts messages into a page: into the slot, which is the first empty
//! `<salver-messages></salver-messages>`, or into the frame that Turbo requests.
//!
//! Parses only as much HTML as it needs. It skips comments, and elements whose content is not
//! markup. Attributes may contain anything. The page may arrive in chunks that are cut at any byte.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::web::response::html_tag;

const SLOT_NAME: &[u8] = b"salver-messages";
const FRAME_NAME: &[u8] = b"turbo-frame";
const CLOSING_TAG: &[u8] = b"</salver-messages";
const COMMENT_START: &[u8] = b"<!--";

/// Elements whose content is not markup or not displayed, each with the text that ends it.
const RAW_TEXT_ELEMENTS: [(&[u8], &[u8]); 10] = [
    (b"noscript", b"</noscript"),
    (b"noembed", b"</noembed"),
    (b"noframes", b"</noframes"),
    (b"script", b"</script"),
    (b"style", b"</style"),
    (b"textarea", b"</textarea"),
    (b"title", b"</title"),
    (b"template", b"</template"),
    (b"iframe", b"</iframe"),
    (b"xmp", b"</xmp"),
];

/// First letters of all tag names that matter. Most tags are skipped by their first letter.
const TAG_INITIALS: &[u8] = b"nstix";

/// Maximum number of bytes of a streamed page that are buffered until a tag ends. Prevents a page
/// with a stray `<` from being buffered as a whole. After a longer tag, the search for the slot
/// ends.
const MAX_BUFFERED: usize = 64 * 1024;

/// Where messages are inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InsertionPoint {
    /// Into the slot.
    Slot,
    /// At the beginning of the Turbo frame with this `id`.
    Frame(Bytes),
    /// At the end of the body.
    End,
}

/// Result of a search for the insertion point, as far as the page has arrived.
#[derive(Debug, PartialEq, Eq)]
enum ScanResult {
    /// The messages are inserted at this offset.
    Found(usize),
    /// Not before this offset. The bytes after it need more input.
    Undecided(usize),
}

/// State of the parser between two chunks.
#[derive(Clone, Copy, Default)]
enum ParserState {
    #[default]
    Markup,
    /// In a comment or a raw text element, until this text.
    RawText(&'static [u8]),
    /// After a tag that is longer than the buffer: no further search.
    Abandoned,
}

/// Returns the offset of the insertion point in a complete page, if there is one.
pub(crate) fn find(page: &[u8], insertion_point: &InsertionPoint) -> Option<usize> {
    if *insertion_point == InsertionPoint::End {
        return Some(page.len());
    }
    match scan(page, &mut ParserState::default(), insertion_point) {
        ScanResult::Found(at) => Some(at),
        ScanResult::Undecided(_) => None,
    }
}

/// Inserts messages into a page that arrives in chunks.
pub(crate) struct Injector {
    insertion_point: InsertionPoint,
    /// The HTML to insert. `None` after it has been inserted.
    fragment: Option<Bytes>,
    parser_state: ParserState,
    /// Bytes that need more input.
    buffered: BytesMut,
}

impl Injector {
    pub(crate) fn new(fragment: String, insertion_point: InsertionPoint) -> Self {
        Self {
            insertion_point,
            fragment: Some(fragment.into()),
            parser_state: ParserState::default(),
            buffered: BytesMut::new(),
        }
    }

    /// Accepts a chunk and returns the bytes that can be sent. Empty if all bytes have to wait.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Bytes {
        let Some(fragment) = self
            .fragment
            .as_ref()
            .filter(|_| self.insertion_point != InsertionPoint::End)
        else {
            return chunk;
        };
        // The buffered bytes wait for the end of a tag, which a chunk without `>` does not contain.
        let is_undecided = !self.buffered.is_empty() && !chunk.contains(&b'>');
        self.buffered.extend_from_slice(&chunk);
        if is_undecided && self.buffered.len() <= MAX_BUFFERED {
            return Bytes::new();
        }
        match scan(
            &self.buffered,
            &mut self.parser_state,
            &self.insertion_point,
        ) {
            ScanResult::Undecided(until) if self.buffered.len() - until > MAX_BUFFERED => {
                self.parser_state = ParserState::Abandoned;
                tracing::warn!("HTML tag longer than 64 KiB; the slot after it is not filled");
                self.buffered.split().freeze()
            }
            ScanResult::Undecided(until) => self.buffered.split_to(until).freeze(),
            ScanResult::Found(at) => {
                let mut out = self.buffered.split_to(at);
                out.extend_from_slice(fragment);
                out.extend_from_slice(&self.buffered.split());
                self.fragment = None;
                out.freeze()
            }
        }
    }

    /// Returns the remaining bytes when the page has ended.
    pub(crate) fn finish(&mut self) -> Bytes {
        if self.insertion_point == InsertionPoint::End {
            return self.fragment.take().unwrap_or_default();
        }
        self.buffered.split().freeze()
    }

    /// Returns whether the messages have been inserted.
    pub(crate) fn is_inserted(&self) -> bool {
        self.fragment.is_none()
    }
}

fn scan(
    page: &[u8],
    parser_state: &mut ParserState,
    insertion_point: &InsertionPoint,
) -> ScanResult {
    let mut at = 0;
    loop {
        let rest = page.get(at..).unwrap_or_default();
        match *parser_state {
            ParserState::Abandoned => return ScanResult::Undecided(page.len()),
            ParserState::RawText(end) => {
                let Some(found) = position(rest, end) else {
                    let tail = rest.len().min(end.len() - 1);
                    return ScanResult::Undecided(page.len() - tail);
                };
                at += found + end.len();
                *parser_state = ParserState::Markup;
            }
            ParserState::Markup => {
                let Some(tag) = memchr(b'<', rest) else {
                    return ScanResult::Undecided(page.len());
                };
                at += tag;
                match read_tag(page.get(at..).unwrap_or_default(), insertion_point) {
                    Tag::InsertionPoint(length) => return ScanResult::Found(at + length),
                    Tag::RawTextStart(length, end) => {
                        at += length;
                        *parser_state = ParserState::RawText(end);
                    }
                    Tag::Other(length) => at += length,
                    Tag::Incomplete => return ScanResult::Undecided(at),
                }
            }
        }
    }
}

/// The kind of tag at a `<`, with its length.
enum Tag {
    InsertionPoint(usize),
    /// The start of a comment or a raw text element, and the text that ends it.
    RawTextStart(usize, &'static [u8]),
    Other(usize),
    /// The end of the tag has not arrived yet.
    Incomplete,
}

fn read_tag(text: &[u8], insertion_point: &InsertionPoint) -> Tag {
    if text.starts_with(COMMENT_START) {
        // `<!-->` and `<!--->` are complete comments: the end of a comment may overlap the dashes
        // of its start.
        return Tag::RawTextStart(COMMENT_START.len() - 2, b"-->");
    }
    if COMMENT_START.starts_with(text) {
        return Tag::Incomplete;
    }
    let Some(initial) = text.get(1).filter(|byte| byte.is_ascii_alphabetic()) else {
        return Tag::Other(1);
    };
    let Some(length) = html_tag::length(text) else {
        return Tag::Incomplete;
    };
    if !TAG_INITIALS.contains(&initial.to_ascii_lowercase()) {
        return Tag::Other(length);
    }
    let whole = text.get(..length).unwrap_or_default();
    let name = html_tag::name(whole);
    match insertion_point {
        InsertionPoint::Slot if name.eq_ignore_ascii_case(SLOT_NAME) => {
            return read_slot(text, length);
        }
        InsertionPoint::Frame(id)
            if name.eq_ignore_ascii_case(FRAME_NAME) && html_tag::id(whole) == Some(&**id) =>
        {
            return Tag::InsertionPoint(length);
        }
        _ => {}
    }
    let element = RAW_TEXT_ELEMENTS
        .iter()
        .find(|(element, _)| name.eq_ignore_ascii_case(element));
    element.map_or(Tag::Other(length), |(_, end)| {
        Tag::RawTextStart(length, end)
    })
}

/// Classifies a `<salver-messages>` tag. The element is the slot if it contains only white space.
fn read_slot(text: &[u8], length: usize) -> Tag {
    let content = text.get(length..).unwrap_or_default().trim_ascii_start();
    let closing = content.get(..CLOSING_TAG.len()).unwrap_or(content);
    let expected = CLOSING_TAG.get(..closing.len()).unwrap_or_default();
    if !closing.eq_ignore_ascii_case(expected) {
        Tag::Other(length)
    } else if closing.len() == CLOSING_TAG.len() {
        Tag::InsertionPoint(length)
    } else {
        Tag::Incomplete
    }
}

fn position(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len())
        .position(|window| window.eq_ignore_ascii_case(pattern))
}
