//! Finds where messages go into a page: into the slot, its first empty `<salver-messages></salver-messages>`, or
//! into the frame that Turbo asks for. Fills it.
//!
//! Reads HTML as far as it has to: comments and the elements whose content is no markup are passed over,
//! attributes may hold anything. The page may come in pieces cut anywhere.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::web::response::html_tag;

const SLOT_NAME: &[u8] = b"salver-messages";
const FRAME_NAME: &[u8] = b"turbo-frame";
const CLOSING_TAG: &[u8] = b"</salver-messages";
const COMMENT_START: &[u8] = b"<!--";

/// Elements whose content is not markup, or not on the page, each with what ends it.
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

/// What the names begin with that mean something: most tags are told by it.
const TAG_INITIALS: &[u8] = b"nstix";

/// Most of a streamed page that is held back until a tag ends. Stops a page with a stray `<` from being kept
/// in memory as a whole; beyond it no slot is looked for any more.
const MAX_BUFFERED: usize = 64 * 1024;

/// Where messages go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InsertionPoint {
    Slot,
    /// At the beginning of the frame of this name.
    Frame(Bytes),
    End,
}

/// Where that is, as far as the page is known.
#[derive(Debug, PartialEq, Eq)]
enum ScanResult {
    /// The messages go in here.
    Found(usize),
    /// Not before here; what follows cannot be judged yet.
    Undecided(usize),
}

/// Where reading has come to.
#[derive(Clone, Copy, Default)]
enum ParserState {
    #[default]
    Markup,
    /// In a comment or an opaque element, until this comes.
    RawText(&'static [u8]),
    /// Behind a tag that never ends.
    Abandoned,
}

/// Finds in a whole page where the messages go in.
pub(crate) fn find(page: &[u8], insertion_point: &InsertionPoint) -> Option<usize> {
    if *insertion_point == InsertionPoint::End {
        return Some(page.len());
    }
    match scan(page, &mut ParserState::default(), insertion_point) {
        ScanResult::Found(at) => Some(at),
        ScanResult::Undecided(_) => None,
    }
}

/// Fills a page that comes in pieces.
pub(crate) struct Injector {
    insertion_point: InsertionPoint,
    /// What goes in; taken when it is there.
    fragment: Option<Bytes>,
    parser_state: ParserState,
    /// What cannot be judged yet.
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

    /// Takes a piece and gives what can go out. Empty when all has to wait.
    pub(crate) fn push(&mut self, piece: Bytes) -> Bytes {
        let Some(fragment) = self
            .fragment
            .as_ref()
            .filter(|_| self.insertion_point != InsertionPoint::End)
        else {
            return piece;
        };
        // What is kept waits for the end of a tag: without one in it, nothing has changed.
        let undecided = !self.buffered.is_empty() && !piece.contains(&b'>');
        self.buffered.extend_from_slice(&piece);
        if undecided && self.buffered.len() <= MAX_BUFFERED {
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

    /// Gives what is left when the page has ended.
    pub(crate) fn finish(&mut self) -> Bytes {
        if self.insertion_point == InsertionPoint::End {
            return self.fragment.take().unwrap_or_default();
        }
        self.buffered.split().freeze()
    }

    pub(crate) fn is_done(&self) -> bool {
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

/// What stands at a `<`, and how long it is.
enum Tag {
    InsertionPoint(usize),
    RawTextStart(usize, &'static [u8]),
    Other(usize),
    /// Its end is not there yet.
    Incomplete,
}

fn read_tag(text: &[u8], insertion_point: &InsertionPoint) -> Tag {
    if text.starts_with(COMMENT_START) {
        // `<!-->` and `<!--->` are whole comments: what ends one may begin at its own dashes.
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

/// The element is the slot if nothing but white space is in it.
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

fn position(text: &[u8], insertion_point: &[u8]) -> Option<usize> {
    text.windows(insertion_point.len())
        .position(|window| window.eq_ignore_ascii_case(insertion_point))
}
