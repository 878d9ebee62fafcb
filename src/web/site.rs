//! What all requests of a worker share.

use std::cell::RefCell;
use std::collections::HashSet;

use super::session::SessionSource;
use super::unread::{Unread, VIEWS};
use super::view::{Routes, ViewSource};
use crate::{Salver, View};

/// A worker's own: its connection, its sources, what it has met.
pub(super) struct Site {
    pub(super) salver: Salver,
    pub(super) session: SessionSource,
    pub(super) view: ViewSource,
    pub(super) routes: Routes,
    /// The views that this worker has had pages of.
    pub(super) pages: RefCell<HashSet<View>>,
    pub(super) plain_http: bool,
    pub(super) unread: &'static Unread,
}

impl Site {
    /// Notes that there is a page of this view. Each worker says so once.
    pub(super) fn note_page(&self, view: &View) {
        let mut pages = self.pages.borrow_mut();
        if pages.len() < VIEWS && !pages.contains(view) {
            pages.insert(view.clone());
            self.unread.read(self.salver.name(), view);
        }
    }
}
