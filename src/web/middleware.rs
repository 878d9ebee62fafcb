//! The middleware: starts a visit before the handler, and ends it after.

use std::cell::RefCell;
use std::fmt;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture};

use super::body::Body;
use super::eligibility;
use super::session::SessionSource;
use super::site::Site;
use super::slot::{self, Filler};
use super::unread;
use super::view::{Routes, ViewSource};
use super::visit::{Visit, Word};
use crate::salver::Hold;
use crate::{Salver, fragment};

/// Headers by which caches keep responses or ask whether they have changed.
const KEEPING: [&str; 6] = [
    "etag",
    "last-modified",
    "expires",
    "x-accel-expires",
    "surrogate-control",
    "edge-control",
];

impl Salver {
    /// Makes the middleware: `App::new().wrap(salver.middleware())`.
    ///
    /// Make it in the app factory, so that each worker has its own. It must see the plain body: wrap a
    /// compressor outside of it, `.wrap(salver.middleware()).wrap(Compress::default())`.
    #[must_use]
    pub fn middleware(&self) -> Middleware {
        Middleware {
            salver: self.clone(),
            session: SessionSource::cookie(),
            view: ViewSource::route(),
            plain_http: false,
        }
    }
}

/// Fills the slot, ends claims and keeps the visitor's session. Made by [`Salver::middleware`].
#[derive(Clone, Debug)]
pub struct Middleware {
    salver: Salver,
    session: SessionSource,
    view: ViewSource,
    plain_http: bool,
}

impl Middleware {
    /// Sets how a request is known to be of a session: a [`SessionSource`] or a closure. Default: a cookie
    /// of Salver's own.
    #[must_use]
    pub fn session(mut self, source: impl Into<SessionSource>) -> Self {
        self.session = source.into();
        self
    }

    /// Sets which view a request is for: a [`ViewSource`] or a closure. Default: the route's pattern.
    #[must_use]
    pub fn view(mut self, source: impl Into<ViewSource>) -> Self {
        self.view = source.into();
        self
    }

    /// Lets the cookie go over plain http on any host, where anybody on the way can read it. Default: only
    /// between a browser and a server on one machine.
    #[must_use]
    pub fn plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }
}

impl<S, B> Transform<S, ServiceRequest> for Middleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<Body<B>>;
    type Error = Error;
    type Transform = MiddlewareService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(MiddlewareService {
            service,
            site: Rc::new(Site {
                salver: self.salver.worker(),
                session: self.session.clone(),
                view: self.view.clone(),
                routes: Routes::default(),
                pages: RefCell::default(),
                plain_http: self.plain_http,
                unread: &unread::OF_THIS_PROCESS,
            }),
        }))
    }
}

/// What [`Middleware`] wraps around an app.
pub struct MiddlewareService<S> {
    service: S,
    site: Rc<Site>,
}

impl<S, B> Service<ServiceRequest> for MiddlewareService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<Body<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let visit = Visit::start(&self.site, request.request());
        let response = self.service.call(request);
        async move {
            match response.await {
                Ok(response) => Ok(finish(&visit, response).await),
                Err(error) => Err(finish_error(&visit, error).await),
            }
        }
        .boxed_local()
    }
}

impl<S> fmt::Debug for MiddlewareService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiddlewareService").finish_non_exhaustive()
    }
}

/// Ends a visit that came to a response: fills the slot, decides on the claim, sets the headers.
async fn finish<B: MessageBody + 'static>(
    visit: &Visit,
    response: ServiceResponse<B>,
) -> ServiceResponse<Body<B>> {
    let counts = eligibility::counts(&response);
    let fills = counts && !visit.is_rendered() && has_slot_to_fill(&response);
    // Boxed: waiting for the store takes room that a page with nothing to show need not carry about.
    let (mut response, filler) = if fills && visit.may_show(response.request()) {
        Box::pin(fill(visit, response)).await
    } else {
        let unchanged = response.map_body(|_, body| EitherBody::left(body));
        (unchanged, None)
    };
    let hold = match visit.take_hold() {
        Some(hold) => Box::pin(decide(visit, hold, counts)).await,
        None => None,
    };
    visit.leave_hint(response.request());
    if !visit.take_now().is_empty() {
        tracing::warn!(
            "a message for this response only was not shown: there is no slot to fill, or the page draws \
             `Pending` itself (use `Pending::now`)"
        );
    }
    if visit.is_carrying() {
        keep_from_caches(response.headers_mut());
    }
    for cookie in visit.take_cookies() {
        keep_from_caches(response.headers_mut());
        if response.response_mut().add_cookie(&cookie).is_err() {
            tracing::error!("a cookie does not fit into a header");
        }
    }
    response.map_body(|_, body| Body::new(body, filler, hold))
}

/// Ends a visit that came to an error: a middleware inside of this one gave up.
async fn finish_error(visit: &Visit, mut error: Error) -> Error {
    if let Some(hold) = visit.take_hold() {
        Box::pin(decide(visit, hold, false)).await;
    }
    for cookie in visit.take_cookies() {
        error.add_response_mapper(move |mut response: HttpResponse| {
            keep_from_caches(response.headers_mut());
            // The cookie is one that this crate baked: it fits.
            let _ = response.add_cookie(&cookie);
            response
        });
    }
    error
}

fn has_slot_to_fill<B>(response: &ServiceResponse<B>) -> bool {
    static TOLD: AtomicBool = AtomicBool::new(false);

    if !eligibility::is_html(response) {
        return false;
    }
    let encoded = eligibility::is_encoded(response);
    if encoded && !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "the body is encoded before Salver sees it, so that no slot can be filled: wrap the \
             compressor outside, `.wrap(salver.middleware()).wrap(Compress::default())`"
        );
    }
    !encoded
}

type Filled<B> = (ServiceResponse<EitherBody<B, Bytes>>, Option<Box<Filler>>);

/// Fills the slot, if there is one and something to put into it.
async fn fill<B: MessageBody + 'static>(visit: &Visit, response: ServiceResponse<B>) -> Filled<B> {
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    let mut filler = None;
    let body = match body.try_into_bytes() {
        Ok(page) => match slot::find(&page) {
            Some(at) => EitherBody::right(match messages(visit, &request).await {
                Some(fragment) => insert(&page, at, &fragment),
                None => page,
            }),
            None => EitherBody::right(page),
        },
        // A stream: its head goes out before its slot comes, so that the claim cannot wait for the slot.
        Err(body) => {
            filler = messages(visit, &request)
                .await
                .map(Filler::new)
                .map(Box::new);
            EitherBody::left(body)
        }
    };
    if visit.is_carrying() {
        head.headers_mut().remove(header::CONTENT_LENGTH);
    }
    (ServiceResponse::new(request, head.set_body(body)), filler)
}

/// Draws what goes into the slot; nothing when there is nothing to show.
async fn messages(visit: &Visit, request: &actix_web::HttpRequest) -> Option<String> {
    let shown = visit.shown(request).await;
    let messages = [&*shown.messages, &visit.take_now()].concat();
    let fragment = fragment(&messages, shown.displaced);
    visit.rendered(!fragment.is_empty());
    (!fragment.is_empty()).then_some(fragment)
}

fn insert(page: &[u8], at: usize, fragment: &str) -> Bytes {
    let (before, after) = page.split_at_checked(at).unwrap_or((page, &[]));
    [before, fragment.as_bytes(), after].concat().into()
}

/// Decides how the claim ends: gives it on to the body, which confirms it, or releases it now.
async fn decide(visit: &Visit, hold: Hold, counts: bool) -> Option<Hold> {
    match visit.word() {
        None if counts && visit.is_rendered() => return Some(hold),
        Some(Word::Confirm) => hold.confirm(),
        _ => visit.release(hold).await,
    }
    None
}

/// No cache may keep what was for one visitor, nor answer "not modified" for it.
fn keep_from_caches(headers: &mut HeaderMap) {
    headers.retain(|name, _| !speaks_to_caches(name.as_str()));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, private"),
    );
}

/// Tells whether a header lets a cache keep a response: `CDN-Cache-Control` and its like (RFC 9213), and what
/// nginx and others put above `Cache-Control`, or know instead of it.
fn speaks_to_caches(header: &str) -> bool {
    KEEPING.contains(&header) || header.ends_with("-cache-control")
}
