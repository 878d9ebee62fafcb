//! State that all requests of a worker share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpRequest;

#[cfg(feature = "inbox")]
use crate::web::layout::Layout;
#[cfg(feature = "live")]
use crate::web::live::registry::StreamRegistry;
use crate::web::partial;
use crate::web::presentation::Classes;
#[cfg(feature = "inbox")]
use crate::web::recipient::RecipientSource;
#[cfg(feature = "inbox")]
use crate::web::recipient_module::RegisteredModule;
use crate::web::request::headers::RequestHeaders;
use crate::web::session::cookies::CookieSettings;
use crate::web::session::monitor::SessionMonitor;
use crate::web::session::session_cache::SessionCache;
use crate::web::session::source::{ReturnedSession, SessionSource};
use crate::web::translation::TranslatorFactory;
use crate::web::view::cache::ViewCache;
use crate::web::view::guarded_routes::GuardedRoutes;
use crate::web::view::page_url::PageUrl;
use crate::web::view::source::{ViewSource, match_pattern};
use crate::web::view::unknown_view::{MAX_VIEWS, UnknownViewDetector};
use crate::{Salver, SessionId, View};

/// Whether the path of a page leads to its route.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum PageRoute {
    /// This worker has served partials only.
    Unchecked,
    ByPath,
    /// Guards decide too.
    Guarded,
}

/// State of one worker: its handle, its session and view sources, its caches.
pub(crate) struct AppState {
    pub(crate) salver: Salver,
    pub(crate) session: SessionSource,
    pub(crate) view: ViewSource,
    pub(crate) view_cache: ViewCache,
    pub(crate) session_cache: SessionCache,
    pub(crate) cookies: Rc<CookieSettings>,
    /// Views of which this worker has served a page or a partial.
    pub(crate) recorded_views: RefCell<HashMap<View, PageRoute>>,
    /// Shared by all workers: one may serve a page and another one its partials.
    pub(crate) guarded_routes: Arc<GuardedRoutes>,
    pub(crate) plain_http: bool,
    pub(crate) translator: TranslatorFactory,
    pub(crate) classes: Classes,
    #[cfg(feature = "inbox")]
    pub(crate) recipient: RecipientSource,
    #[cfg(feature = "inbox")]
    pub(crate) layout: Layout,
    /// Shared by all workers.
    #[cfg(feature = "inbox")]
    pub(crate) recipient_module: Arc<RegisteredModule>,
    /// Whether responses have the header `Salver-Status`.
    pub(crate) has_status_header: bool,
    /// Whether partials carry messages.
    pub(crate) partials: bool,
    /// Shared by all workers: a message that one worker adds may be shown by another.
    pub(crate) unknown_views: Arc<UnknownViewDetector>,
    /// Shared by all workers, as a session that one issues may come back to another.
    pub(crate) sessions: Arc<SessionMonitor>,
    #[cfg(feature = "live")]
    pub(crate) streams: Arc<StreamRegistry>,
    /// Whether pages confirm in the browser which messages they show.
    #[cfg(feature = "live")]
    pub(crate) confirm_in_browser: bool,
    /// Limits the concurrent store calls of streams.
    #[cfg(feature = "live")]
    pub(crate) stream_polls: Rc<tokio::sync::Semaphore>,
}

impl AppState {
    /// Returns the session of a request, if it has one.
    pub(crate) fn session_of(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders,
    ) -> Option<SessionId> {
        let app = self.salver.app();
        self.session
            .find(request, headers, app, &self.session_cache, self.plain_http)
    }

    /// Returns the session of the return cookie, if the request has one.
    pub(crate) fn returned_session_of(
        &self,
        request: &HttpRequest,
        headers: &RequestHeaders,
    ) -> Option<ReturnedSession> {
        let (app, cache) = (self.salver.app(), &self.session_cache);
        self.session
            .find_returned(request, headers, app, cache, self.plain_http)
    }

    pub(crate) fn view(&self, request: &HttpRequest) -> Option<View> {
        self.view.find(request, &self.view_cache)
    }

    /// Returns the view of a page, and records that the view has a page. [`View::ANY`] if the
    /// source finds no view.
    pub(crate) fn page_view(&self, request: &HttpRequest) -> View {
        let view = self.view(request).unwrap_or(View::ANY);
        let known = self.recorded_views.borrow().get(&view).copied();
        // One lookup suffices for most pages. Those of a guarded view may be served on several hosts.
        if known == Some(PageRoute::ByPath) {
            return view;
        }
        let view = self.record_view(view);
        let route = self.check_route(request, &view);
        if let Some(known) = self.recorded_views.borrow_mut().get_mut(&view) {
            *known = route;
        }
        view
    }

    /// Compares the route of a page with the one that its path leads to, and records it if they
    /// differ.
    fn check_route(&self, request: &HttpRequest, view: &View) -> PageRoute {
        let pattern = || request.match_pattern();
        let Some(pattern) = self.view.is_route().then(pattern).flatten() else {
            return PageRoute::ByPath;
        };
        let url = PageUrl::of_request(request);
        if match_pattern(request.resource_map(), &url).as_ref() == Some(&pattern) {
            return PageRoute::ByPath;
        }
        self.guarded_routes.record(&pattern, url.host(), view);
        PageRoute::Guarded
    }

    /// Returns the view of the page that requests a partial, and records that the view has a page.
    /// [`View::ANY`] if the request does not name one.
    pub(crate) fn requesting_page_view(&self, request: &HttpRequest) -> View {
        let find = |url: &PageUrl| self.view_of_page(request, url);
        let view = partial::requesting_page(request, find);
        self.record_view(view.unwrap_or(View::ANY))
    }

    /// Returns the view of the page at a URL; `None` if it has none of its own.
    pub(crate) fn view_of_page(&self, request: &HttpRequest, url: &PageUrl) -> Option<View> {
        let (cache, guarded_routes) = (&self.view_cache, &*self.guarded_routes);
        self.view.find_page(request, url, cache, guarded_routes)
    }

    /// Records that a view has a page. Each worker reports a view once.
    pub(crate) fn record_view(&self, view: View) -> View {
        let mut views = self.recorded_views.borrow_mut();
        if views.len() < MAX_VIEWS && !views.contains_key(&view) {
            views.insert(view.clone(), PageRoute::Unchecked);
            self.unknown_views.record_page(self.salver.app(), &view);
        }
        view
    }
}
