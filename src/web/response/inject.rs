//! Finds where messages go into a page: into the slot, its first empty `<salver-messages></salver-messages>`, or
//! into the frame that Turbo asks for. Fills it.
//!
//! Reads HTML as far as it has to: comments and the elements whose content is no markup are passed over,
//! attributes may hold anything. The page may come in pieces cut anywhere.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::web::response::html_tag;

const NAME: &[u8] = b"salver-messages";
const FRAME: &[u8] = b"turbo-frame";
const CLOSING: &[u8] = b"</salver-messages";
const COMMENT: &[u8] = b"<!--";

/// Elements whose content is not markup, or not on the page, each with what ends it.
const OPAQUE: [(&[u8], &[u8]); 10] = [
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
const INITIALS: &[u8] = b"nstix";

/// Most of a streamed page that is held back until a tag ends. Stops a page with a stray `<` from being kept
/// in memory as a whole; beyond it no slot is looked for any more.
const MOST_KEPT: usize = 64 * 1024;

/// Where messages go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Slot,
    /// At the beginning of the frame of this name.
    Frame(Bytes),
    End,
}

/// Where that is, as far as the page is known.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The messages go in here.
    Found(usize),
    /// Not before here; what follows cannot be judged yet.
    Undecided(usize),
}

/// Where reading has come to.
#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Markup,
    /// In a comment or an opaque element, until this comes.
    Until(&'static [u8]),
    /// Behind a tag that never ends.
    GivenUp,
}

/// Finds in a whole page where the messages go in.
pub(crate) fn find(page: &[u8], wanted: &Wanted) -> Option<usize> {
    if *wanted == Wanted::End {
        return Some(page.len());
    }
    match step(page, &mut Place::default(), wanted) {
        Step::Found(at) => Some(at),
        Step::Undecided(_) => None,
    }
}

/// Fills a page that comes in pieces.
pub(crate) struct Filler {
    wanted: Wanted,
    /// What goes in; taken when it is there.
    fragment: Option<Bytes>,
    place: Place,
    /// What cannot be judged yet.
    kept: BytesMut,
}

impl Filler {
    pub(crate) fn new(fragment: String, wanted: Wanted) -> Self {
        Self {
            wanted,
            fragment: Some(fragment.into()),
            place: Place::default(),
            kept: BytesMut::new(),
        }
    }

    /// Takes a piece and gives what can go out. Empty when all has to wait.
    pub(crate) fn feed(&mut self, piece: Bytes) -> Bytes {
        let Some(fragment) = self
            .fragment
            .as_ref()
            .filter(|_| self.wanted != Wanted::End)
        else {
            return piece;
        };
        // What is kept waits for the end of a tag: without one in it, nothing has changed.
        let undecided = !self.kept.is_empty() && !piece.contains(&b'>');
        self.kept.extend_from_slice(&piece);
        if undecided && self.kept.len() <= MOST_KEPT {
            return Bytes::new();
        }
        match step(&self.kept, &mut self.place, &self.wanted) {
            Step::Undecided(until) if self.kept.len() - until > MOST_KEPT => {
                self.place = Place::GivenUp;
                tracing::warn!("a tag of the page is too long to look for the slot behind it");
                self.kept.split().freeze()
            }
            Step::Undecided(until) => self.kept.split_to(until).freeze(),
            Step::Found(at) => {
                let mut out = self.kept.split_to(at);
                out.extend_from_slice(fragment);
                out.extend_from_slice(&self.kept.split());
                self.fragment = None;
                out.freeze()
            }
        }
    }

    /// Gives what is left when the page has ended.
    pub(crate) fn rest(&mut self) -> Bytes {
        if self.wanted == Wanted::End {
            return self.fragment.take().unwrap_or_default();
        }
        self.kept.split().freeze()
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.fragment.is_none()
    }
}

fn step(page: &[u8], place: &mut Place, wanted: &Wanted) -> Step {
    let mut at = 0;
    loop {
        let rest = page.get(at..).unwrap_or_default();
        match *place {
            Place::GivenUp => return Step::Undecided(page.len()),
            Place::Until(end) => {
                let Some(found) = position(rest, end) else {
                    let tail = rest.len().min(end.len() - 1);
                    return Step::Undecided(page.len() - tail);
                };
                at += found + end.len();
                *place = Place::Markup;
            }
            Place::Markup => {
                let Some(tag) = memchr(b'<', rest) else {
                    return Step::Undecided(page.len());
                };
                at += tag;
                match read_tag(page.get(at..).unwrap_or_default(), wanted) {
                    Tag::Wanted(length) => return Step::Found(at + length),
                    Tag::Opens(length, end) => {
                        at += length;
                        *place = Place::Until(end);
                    }
                    Tag::Other(length) => at += length,
                    Tag::Cut => return Step::Undecided(at),
                }
            }
        }
    }
}

/// What stands at a `<`, and how long it is.
enum Tag {
    Wanted(usize),
    Opens(usize, &'static [u8]),
    Other(usize),
    /// Its end is not there yet.
    Cut,
}

fn read_tag(text: &[u8], wanted: &Wanted) -> Tag {
    if text.starts_with(COMMENT) {
        // `<!-->` and `<!--->` are whole comments: what ends one may begin at its own dashes.
        return Tag::Opens(COMMENT.len() - 2, b"-->");
    }
    if COMMENT.starts_with(text) {
        return Tag::Cut;
    }
    let Some(initial) = text.get(1).filter(|byte| byte.is_ascii_alphabetic()) else {
        return Tag::Other(1);
    };
    let Some(length) = html_tag::length(text) else {
        return Tag::Cut;
    };
    if !INITIALS.contains(&initial.to_ascii_lowercase()) {
        return Tag::Other(length);
    }
    let whole = text.get(..length).unwrap_or_default();
    let name = html_tag::name(whole);
    match wanted {
        Wanted::Slot if name.eq_ignore_ascii_case(NAME) => return read_slot(text, length),
        Wanted::Frame(id)
            if name.eq_ignore_ascii_case(FRAME) && html_tag::id(whole) == Some(&**id) =>
        {
            return Tag::Wanted(length);
        }
        _ => {}
    }
    let opaque = OPAQUE
        .iter()
        .find(|(opaque, _)| name.eq_ignore_ascii_case(opaque));
    opaque.map_or(Tag::Other(length), |(_, end)| Tag::Opens(length, end))
}

/// The element is the slot if nothing but white space is in it.
fn read_slot(text: &[u8], length: usize) -> Tag {
    let content = text.get(length..).unwrap_or_default().trim_ascii_start();
    let closing = content.get(..CLOSING.len()).unwrap_or(content);
    let expected = CLOSING.get(..closing.len()).unwrap_or_default();
    if !closing.eq_ignore_ascii_case(expected) {
        Tag::Other(length)
    } else if closing.len() == CLOSING.len() {
        Tag::Wanted(length)
    } else {
        Tag::Cut
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window.eq_ignore_ascii_case(wanted))
}
