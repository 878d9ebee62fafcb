//! The search for an element in a page, in the words of the HTML standard: at the place where a
//! browser sees it, and nowhere else.
//!
//! The page arrives in chunks that are cut at any byte, and is never buffered.

mod closing;
mod element;
mod elements;
mod open_elements;
mod sniff;
mod state;
mod tag;
mod tokenizer;

use bytes::Bytes;

use crate::web::response::html::open_elements::{MAX_DEPTH, OpenElements};
use crate::web::response::html::tag::{Tag, TagKind};
use crate::web::response::html::tokenizer::Tokenizer;

pub(crate) use self::sniff::is_html;

/// The element that is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The first `salver-messages`.
    Slot,
    /// The first `salver-bell`.
    #[cfg(feature = "inbox")]
    Bell,
    /// The first `turbo-frame` with this `id`.
    Frame(Bytes),
}

impl Target {
    fn matches(&self, tag: &Tag) -> bool {
        match self {
            Self::Slot => tag.name() == b"salver-messages",
            #[cfg(feature = "inbox")]
            Self::Bell => tag.name() == b"salver-bell",
            Self::Frame(id) => tag.name() == b"turbo-frame" && tag.attribute(b"id") == Some(&**id),
        }
    }
}

/// Searches a page for the beginning of an element.
pub(crate) struct ElementSearch {
    target: Target,
    tokenizer: Tokenizer,
    open_elements: OpenElements,
}

impl ElementSearch {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            tokenizer: Tokenizer::default(),
            open_elements: OpenElements::default(),
        }
    }

    /// Reads the next chunk of the page. Returns the offset in it behind the start tag of the
    /// element, if it ends in this chunk.
    pub(crate) fn find_in(&mut self, chunk: &[u8]) -> Option<usize> {
        let mut at = 0;
        while self.open_elements.depth() <= MAX_DEPTH {
            at += self.tokenizer.read_tag(chunk.get(at..)?)?;
            if self.read_tag() {
                return Some(at);
            }
        }
        None
    }

    /// Handles the tag that the tokenizer has read. Returns whether it begins the element.
    fn read_tag(&mut self) -> bool {
        let tag = self.tokenizer.tag();
        let found = match tag.kind() {
            TagKind::Start => {
                let started = self.open_elements.start(tag);
                let found = started.is_in_page && self.target.matches(tag);
                self.tokenizer.set_content(started.content);
                found
            }
            TagKind::End => {
                self.open_elements.end(tag.name());
                false
            }
        };
        let allows_cdata = self.open_elements.is_in_foreign_content();
        self.tokenizer.set_allows_cdata(allows_cdata);
        found
    }
}
