//! How a visit ends: the slot is filled, the claim decided on, the headers set.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{Error, HttpResponse};
use bytes::Bytes;

use super::body::Body;
use super::eligibility;
use super::slot::{self, Filler};
use super::visit::{Visit, Word};
use crate::salver::Hold;

/// Headers by which caches keep responses or ask whether they have changed.
const KEEPING: [&str; 6] = [
    "etag",
    "last-modified",
    "expires",
    "x-accel-expires",
    "surrogate-control",
    "edge-control",
];

/// What a response means for its visit.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    /// Whether messages rendered into it count as shown.
    counts: bool,
    /// Whether there may be something to put into its slot.
    fills: bool,
}

impl Ending {
    pub(super) fn of<B: MessageBody>(visit: &Visit, response: &ServiceResponse<B>) -> Self {
        let counts = eligibility::counts(response);
        let fills = counts
            && !visit.is_rendered()
            && has_slot_to_fill(response)
            && visit.may_show(response.request());
        Self { counts, fills }
    }

    /// Tells whether the response can go out as it is, without waiting for anything.
    pub(super) fn is_plain(self, visit: &Visit) -> bool {
        !self.fills && !visit.is_holding()
    }
}

/// Ends a visit that came to a response with something to show or to end.
pub(super) async fn end<B: MessageBody + 'static>(
    visit: &Visit,
    response: ServiceResponse<B>,
    ending: Ending,
) -> ServiceResponse<Body<B>> {
    let (response, filler) = match ending.fills {
        true => fill(visit, response).await,
        false => (response.map_body(|_, body| EitherBody::left(body)), None),
    };
    let hold = match visit.take_hold() {
        Some(hold) => decide(visit, hold, ending.counts).await,
        None => None,
    };
    complete(visit, response, |body| Body::new(body, filler, hold))
}

/// Ends a visit with nothing to show.
pub(super) fn end_plainly<B: MessageBody + 'static>(
    visit: &Visit,
    response: ServiceResponse<B>,
) -> ServiceResponse<Body<B>> {
    complete(visit, response, |body| {
        Body::new(EitherBody::left(body), None, None)
    })
}

/// Ends a visit that came to an error: a middleware inside of Salver's gave up.
pub(super) async fn end_in_error(visit: &Visit, mut error: Error) -> Error {
    if let Some(hold) = visit.take_hold() {
        decide(visit, hold, false).await;
    }
    for cookie in visit.visitor.take_cookies() {
        error.add_response_mapper(move |mut response: HttpResponse| {
            keep_from_caches(response.headers_mut());
            // The cookie is one that this crate baked: it fits.
            let _ = response.add_cookie(&cookie);
            response
        });
    }
    error
}

fn complete<B, T>(
    visit: &Visit,
    mut response: ServiceResponse<T>,
    body: impl FnOnce(T) -> Body<B>,
) -> ServiceResponse<Body<B>> {
    visit.visitor.leave_hint(response.request());
    if !visit.take_now().is_empty() {
        tracing::warn!(
            "a message for this response only was not shown: there is no slot to fill, or the page draws \
             `Pending` itself (use `Pending::now`)"
        );
    }
    if visit.is_carrying() {
        keep_from_caches(response.headers_mut());
    }
    for cookie in visit.visitor.take_cookies() {
        keep_from_caches(response.headers_mut());
        if response.response_mut().add_cookie(&cookie).is_err() {
            tracing::error!("a cookie does not fit into a header");
        }
    }
    response.map_body(|_, inner| body(inner))
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
    let fragment = visit.draw(&messages, shown.displaced);
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
        #[cfg(feature = "live")]
        Some(Word::LeaveToPage) if counts && visit.is_rendered() => {
            return Some(match visit.is_left_to_page() {
                true => hold.left_to_page(),
                false => hold,
            });
        }
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
