//! What all requests of a worker share.

use std::cell::RefCell;
use std::collections::HashSet;

use actix_web::HttpRequest;

use crate::web::partial;
use crate::web::request::headers::Head;
use crate::web::session::session_cache::Lately;
use crate::web::session::source::SessionSource;
use crate::web::translation::Translator;
use crate::web::view::cache::Routes;
use crate::web::view::source::ViewSource;
use crate::web::view::unknown_view::{Unread, VIEWS};
use crate::{Salver, SessionId, View};

/// A worker's own: its connection, its sources, what it has met.
pub(crate) struct Site {
    pub(crate) salver: Salver,
    pub(crate) session: SessionSource,
    pub(crate) view: ViewSource,
    pub(crate) routes: Routes,
    pub(crate) lately: Lately,
    /// The views that this worker has had pages of.
    pub(crate) pages: RefCell<HashSet<View>>,
    pub(crate) plain_http: bool,
    pub(crate) translator: Translator,
    /// Whether messages go with parts of a page.
    pub(crate) parts: bool,
    pub(crate) unread: &'static Unread,
    /// Whether pages say themselves what they show.
    #[cfg(feature = "live")]
    pub(crate) left_to_page: bool,
    /// The turns of streams at the store.
    #[cfg(feature = "live")]
    pub(crate) turns: tokio::sync::Semaphore,
}

impl Site {
    /// Gives the session of a request, if it has one.
    pub(crate) fn session_of(&self, request: &HttpRequest, head: &Head<'_>) -> Option<SessionId> {
        let app = self.salver.name();
        self.session
            .find(request, head, app, &self.lately, self.plain_http)
    }

    pub(crate) fn view(&self, request: &HttpRequest) -> Option<View> {
        self.view.find(request, &self.routes)
    }

    /// Gives the view of a page, and notes that there is a page of it.
    pub(crate) fn page(&self, request: &HttpRequest) -> View {
        self.noted(self.view(request).unwrap_or(View::ANY))
    }

    /// Gives the view of the page that asks for a part, and notes that there is a page of it.
    pub(crate) fn page_that_asks(&self, request: &HttpRequest) -> View {
        let view = partial::page(request, &self.view, &self.routes);
        self.noted(view.unwrap_or(View::ANY))
    }

    /// Notes that there is a page of a view. Each worker says so once.
    pub(crate) fn noted(&self, view: View) -> View {
        let mut pages = self.pages.borrow_mut();
        if pages.len() < VIEWS && !pages.contains(&view) {
            pages.insert(view.clone());
            self.unread.read(self.salver.name(), &view);
        }
        view
    }
}
