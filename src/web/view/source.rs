//! How the view of a request is found.

use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::dev::ResourceMap;
use actix_web::http::header::HeaderName;

use crate::View;
use crate::web::view::cache::ViewCache;
use crate::web::view::guarded_routes::{GuardedRoutes, parameters};
use crate::web::view::page_url::PageUrl;

type Find = dyn Fn(&HttpRequest) -> Option<View>;

/// How the middleware finds the [`View`] of a request.
///
/// Passed to [`Middleware::view`](crate::web::Middleware::view), and evaluated after routing.
///
/// | source | view of `GET /orders/7?tab=items` on the route `/orders/{id}` |
/// |---|---|
/// | [`route`](Self::route) (default) | `orders/{id}` |
/// | [`path`](Self::path) | `orders/7` |
/// | [`query("tab")`](Self::query) | `items` |
/// | [`header`](Self::header) | the value of the header |
/// | a closure | the result of the closure |
///
/// A page for which the source finds no view, such as one that no route matched, shows only the
/// messages of [`View::ANY`](crate::View::ANY).
///
/// # Examples
///
/// ```
/// use actix_web::HttpRequest;
/// use salver::{Salver, View, web::ViewSource};
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("shop")?;
/// let by_path = salver.middleware().view(ViewSource::path());
/// // The first segment of the path.
/// let by_segment = salver
///     .middleware()
///     .view(|request: &HttpRequest| View::new(request.path().split('/').nth(1)?).ok());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ViewSource(Kind);

#[derive(Clone)]
enum Kind {
    Route,
    Path,
    Header(HeaderName),
    Query(Rc<str>),
    Closure(Rc<Find>),
}

impl ViewSource {
    /// Uses the pattern of the matched route, without its leading slash. This is the default.
    ///
    /// The view is the same for all methods of a path: `settings`, `orders/{id}`, and `/` for the
    /// root. It is the whole pattern as written in the app, including scopes.
    #[must_use]
    pub fn route() -> Self {
        Self(Kind::Route)
    }

    /// Uses the path without its leading slash, so that `orders/7` and `orders/8` are different
    /// views.
    #[must_use]
    pub fn path() -> Self {
        Self(Kind::Path)
    }

    /// Uses the value of a request header, for pages that load fragments of themselves.
    ///
    /// The client chooses the view. It can only reach the messages of its own session.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self(Kind::Header(name))
    }

    /// Uses a query parameter, percent-decoded. The client chooses the view, as with
    /// [`header`](Self::header).
    #[must_use]
    pub fn query(name: impl Into<String>) -> Self {
        Self(Kind::Query(name.into().into()))
    }

    /// Returns the view of a request; `None` if it has none of its own. `cache` holds the views of
    /// matched routes.
    pub(crate) fn find(&self, request: &HttpRequest, cache: &ViewCache) -> Option<View> {
        let name = match &self.0 {
            Kind::Closure(find) => return find(request),
            Kind::Route => return cache.view(request.match_pattern()?),
            Kind::Path => request.path().to_owned(),
            Kind::Header(name) => request.headers().get(name)?.to_str().ok()?.to_owned(),
            Kind::Query(name) => query(request.query_string(), name)?,
        };
        View::new(name).ok()
    }

    /// Returns whether the view is the pattern of the matched route.
    pub(crate) fn is_route(&self) -> bool {
        matches!(self.0, Kind::Route)
    }

    /// Returns the view of the page at `url`, whose script sent the request.
    pub(crate) fn find_page(
        &self,
        request: &HttpRequest,
        url: &PageUrl,
        cache: &ViewCache,
        guarded_routes: &GuardedRoutes,
    ) -> Option<View> {
        let name = match &self.0 {
            Kind::Route => {
                let mapped = match_pattern(request.resource_map(), url);
                let specificity = mapped.as_deref().map(parameters);
                return guarded_routes
                    .view(url, specificity)
                    .or_else(|| cache.view(mapped?));
            }
            Kind::Path => url.raw_path().to_owned(),
            Kind::Query(name) => query(url.query()?, name)?,
            // These sources read the request itself, not a URL.
            Kind::Header(_) | Kind::Closure(_) => return self.find(request, cache),
        };
        View::new(name).ok()
    }
}

/// Returns the pattern of the route that the path of a URL matches, without regard to guards.
pub(crate) fn match_pattern(routes: &ResourceMap, url: &PageUrl) -> Option<String> {
    url.find_path(|path| routes.match_pattern(path))
}

fn query(query: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    Some(pairs.find(|(key, _)| key == name)?.1.into_owned())
}

impl<F> From<F> for ViewSource
where
    F: Fn(&HttpRequest) -> Option<View> + 'static,
{
    fn from(find: F) -> Self {
        Self(Kind::Closure(Rc::new(find)))
    }
}

impl fmt::Debug for ViewSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Route => "ViewSource::route",
            Kind::Path => "ViewSource::path",
            Kind::Header(_) => "ViewSource::header",
            Kind::Query(_) => "ViewSource::query",
            Kind::Closure(_) => "ViewSource::from(closure)",
        })
    }
}
