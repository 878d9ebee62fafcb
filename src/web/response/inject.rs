//! Inserts messages into a page: into the slot, which is the first `<salver-messages>`, into the
//! frame that Turbo requests, or at the end.

use bytes::{Bytes, BytesMut};

use crate::web::response::html::{ElementSearch, Target};

/// Where messages are inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InsertionPoint {
    /// At the beginning of an element.
    In(Target),
    /// At the end of the body.
    End,
}

/// Returns the offset of the insertion point in a complete page, if there is one.
pub(crate) fn find(page: &[u8], insertion_point: &InsertionPoint) -> Option<usize> {
    match insertion_point {
        InsertionPoint::In(target) => ElementSearch::new(target.clone()).find_in(page),
        InsertionPoint::End => Some(page.len()),
    }
}

/// Inserts messages into a page that arrives in chunks.
pub(crate) struct Injector {
    /// The search for the element; `None` to insert at the end of the body.
    search: Option<ElementSearch>,
    /// The HTML to insert. `None` after it has been inserted.
    fragment: Option<Bytes>,
}

impl Injector {
    pub(crate) fn new(fragment: String, insertion_point: InsertionPoint) -> Self {
        let search = match insertion_point {
            InsertionPoint::In(target) => Some(ElementSearch::new(target)),
            InsertionPoint::End => None,
        };
        Self {
            search,
            fragment: Some(fragment.into()),
        }
    }

    /// Accepts a chunk and returns the bytes to send.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Bytes {
        let (Some(search), Some(fragment)) = (&mut self.search, &self.fragment) else {
            return chunk;
        };
        let Some(at) = search.find_in(&chunk) else {
            return chunk;
        };
        let filled = insert(&chunk, at, fragment);
        self.fragment = None;
        filled
    }

    /// Returns the bytes to send after the last chunk.
    pub(crate) fn finish(&mut self) -> Bytes {
        match self.search {
            Some(_) => Bytes::new(),
            None => self.fragment.take().unwrap_or_default(),
        }
    }

    /// Returns whether the messages have been inserted.
    pub(crate) fn is_inserted(&self) -> bool {
        self.fragment.is_none()
    }
}

/// Inserts a fragment into a text at this offset.
pub(crate) fn insert(text: &[u8], at: usize, fragment: &[u8]) -> Bytes {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, &[]));
    let mut filled = BytesMut::with_capacity(text.len() + fragment.len());
    filled.extend_from_slice(before);
    filled.extend_from_slice(fragment);
    filled.extend_from_slice(after);
    filled.freeze()
}
