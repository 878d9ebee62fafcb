//! What all requests of a worker share.

use std::cell::RefCell;
use std::collections::HashSet;

use actix_web::HttpRequest;

use crate::web::partial;
use crate::web::request::headers::RequestHeaders;
use crate::web::session::session_cache::SessionCache;
use crate::web::session::source::SessionSource;
use crate::web::translation::TranslatorFactory;
use crate::web::view::cache::ViewCache;
use crate::web::view::source::ViewSource;
use crate::web::view::unknown_view::{MAX_VIEWS, UnknownViewDetector};
use crate::{Salver, SessionId, View};

/// A worker's own: its connection, its sources, what it has met.
pub(crate) struct AppState {
    pub(crate) salver: Salver,
    pub(crate) session: SessionSource,
    pub(crate) view: ViewSource,
    pub(crate) view_cache: ViewCache,
    pub(crate) session_cache: SessionCache,
    /// The views that this worker has had pages of.
    pub(crate) recorded_views: RefCell<HashSet<View>>,
    pub(crate) plain_http: bool,
    pub(crate) translator: TranslatorFactory,
    /// Whether messages go with parts of a page.
    pub(crate) partials: bool,
    pub(crate) unknown_views: &'static UnknownViewDetector,
    /// Whether pages say themselves what they show.
    #[cfg(feature = "live")]
    pub(crate) confirm_in_browser: bool,
    /// The turns of streams at the store.
    #[cfg(feature = "live")]
    pub(crate) stream_polls: tokio::sync::Semaphore,
}

impl AppState {
    /// Gives the session of a request, if it has one.
    pub(crate) fn session_of(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders<'_>,
    ) -> Option<SessionId> {
        let app = self.salver.app();
        self.session
            .find(request, headers, app, &self.session_cache, self.plain_http)
    }

    pub(crate) fn view(&self, request: &HttpRequest) -> Option<View> {
        self.view.find(request, &self.view_cache)
    }

    /// Gives the view of a page, and notes that there is a page of it.
    pub(crate) fn page_view(&self, request: &HttpRequest) -> View {
        self.record_view(self.view(request).unwrap_or(View::ANY))
    }

    /// Gives the view of the page that asks for a part, and notes that there is a page of it.
    pub(crate) fn requesting_page_view(&self, request: &HttpRequest) -> View {
        let view = partial::requesting_page(request, &self.view, &self.view_cache);
        self.record_view(view.unwrap_or(View::ANY))
    }

    /// Notes that there is a page of a view. Each worker says so once.
    pub(crate) fn record_view(&self, view: View) -> View {
        let mut pages = self.recorded_views.borrow_mut();
        if pages.len() < MAX_VIEWS && !pages.contains(&view) {
            pages.insert(view.clone());
            self.unknown_views.record_page(self.salver.app(), &view);
        }
        view
    }
}
