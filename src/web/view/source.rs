//! Which view a request is for.

use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::Uri;
use actix_web::http::header::HeaderName;

use crate::View;
use crate::web::view::cache::{ViewCache, strip_leading_slash};

type Find = dyn Fn(&HttpRequest) -> Option<View>;

/// Which view a request is for, asked after routing.
///
/// The default is the pattern of the matched route without its leading slash, the same for all methods
/// of a path: `settings`, `orders/{id}`, and `/` for the root. It is the whole pattern as it is written in
/// the app, scopes included. A request that no route matched has only
/// [`View::ANY`](crate::View::ANY).
///
/// A closure is a source too.
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
    /// The pattern of the matched route: the default.
    #[must_use]
    pub fn route() -> Self {
        Self(Kind::Route)
    }

    /// The path itself without its leading slash: `orders/7` is not `orders/8`.
    #[must_use]
    pub fn path() -> Self {
        Self(Kind::Path)
    }

    /// A header, for pages that fetch parts of themselves. The visitor chooses the view, so only among
    /// the messages of the own session.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self(Kind::Header(name))
    }

    /// A parameter of the query, percent-decoded; otherwise as [`header`](Self::header).
    #[must_use]
    pub fn query(name: impl Into<String>) -> Self {
        Self(Kind::Query(name.into().into()))
    }

    /// Names the view of a request; `None` when it has none of its own. `routes` are those met before.
    pub(crate) fn find(&self, request: &HttpRequest, cache: &ViewCache) -> Option<View> {
        let name = match &self.0 {
            Kind::Closure(find) => return find(request),
            Kind::Route => return cache.view(request.match_pattern()?),
            Kind::Path => strip_leading_slash(request.path()),
            Kind::Header(name) => request.headers().get(name)?.to_str().ok()?.to_owned(),
            Kind::Query(name) => query(request.query_string(), name)?,
        };
        View::new(name).ok()
    }

    /// Names the view of the page at this URL, from which a script has made the request.
    pub(crate) fn find_page(
        &self,
        request: &HttpRequest,
        url: &Uri,
        cache: &ViewCache,
    ) -> Option<View> {
        let name = match &self.0 {
            Kind::Route => {
                return cache.view(request.resource_map().match_pattern(url.path())?);
            }
            Kind::Path => strip_leading_slash(url.path()),
            Kind::Query(name) => query(url.query()?, name)?,
            // They look at the request themselves.
            Kind::Header(_) | Kind::Closure(_) => return self.find(request, cache),
        };
        View::new(name).ok()
    }
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
