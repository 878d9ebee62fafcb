//! What all requests of a worker share.

use std::cell::RefCell;
use std::collections::HashSet;

use actix_web::HttpRequest;

use super::lately::Lately;
use super::part;
use super::session::SessionSource;
use super::translation::Translator;
use super::unread::{Unread, VIEWS};
use super::view::{Routes, ViewSource};
use crate::{Salver, SessionId, View};

/// A worker's own: its connection, its sources, what it has met.
pub(super) struct Site {
    pub(super) salver: Salver,
    pub(super) session: SessionSource,
    pub(super) view: ViewSource,
    pub(super) routes: Routes,
    pub(super) lately: Lately,
    /// The views that this worker has had pages of.
    pub(super) pages: RefCell<HashSet<View>>,
    pub(super) plain_http: bool,
    pub(super) translator: Translator,
    /// Whether messages go with parts of a page.
    pub(super) parts: bool,
    pub(super) unread: &'static Unread,
    /// Whether pages say themselves what they show.
    #[cfg(feature = "live")]
    pub(super) left_to_page: bool,
    /// The turns of streams at the store.
    #[cfg(feature = "live")]
    pub(super) turns: tokio::sync::Semaphore,
}

impl Site {
    /// Gives the session of a token that this site has given out.
    pub(super) fn session_of(&self, token: &[u8]) -> Option<SessionId> {
        self.lately.session(token, self.salver.name())
    }

    pub(super) fn view(&self, request: &HttpRequest) -> Option<View> {
        self.view.find(request, &self.routes)
    }

    /// Gives the view of a page, and notes that there is a page of it.
    pub(super) fn page(&self, request: &HttpRequest) -> View {
        self.noted(self.view(request).unwrap_or(View::ANY))
    }

    /// Gives the view of the page that asks for a part, and notes that there is a page of it.
    pub(super) fn page_that_asks(&self, request: &HttpRequest) -> View {
        let view = part::page(request, &self.view, &self.routes);
        self.noted(view.unwrap_or(View::ANY))
    }

    /// Notes that there is a page of a view. Each worker says so once.
    pub(super) fn noted(&self, view: View) -> View {
        let mut pages = self.pages.borrow_mut();
        if pages.len() < VIEWS && !pages.contains(&view) {
            pages.insert(view.clone());
            self.unread.read(self.salver.name(), &view);
        }
        view
    }
}
