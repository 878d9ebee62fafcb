//! How a visit ends: the slot is filled, the claim decided on, the headers set.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{Error, HttpRequest, HttpResponse};
use bytes::Bytes;

use crate::handle::ClaimGuard;
use crate::web::partial::Partial;
use crate::web::request::state::{ClaimOverride, RequestState};
use crate::web::response::body::Body;
use crate::web::response::inject;
use crate::web::response::inject::{Injector, InsertionPoint};
use crate::web::response::plan::ResponsePlan;
use crate::web::translation::Translator;

/// What a part is that had nothing in it.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Headers by which caches keep responses or ask whether they have changed.
const CACHE_HEADERS: [&str; 6] = [
    "etag",
    "last-modified",
    "expires",
    "x-accel-expires",
    "surrogate-control",
    "edge-control",
];

/// Ends a visit that came to a response with something to show or to end.
pub(crate) async fn finalize<B: MessageBody + 'static>(
    visit: &RequestState,
    response: ServiceResponse<B>,
    ending: ResponsePlan,
) -> ServiceResponse<Body<B>> {
    let (response, filler) = match ending.injects {
        true => inject(visit, response, ending.partial.as_ref()).await,
        false => (response.map_body(|_, body| EitherBody::left(body)), None),
    };
    let hold = match visit.take_claim() {
        Some(hold) => settle_claim(visit, hold, ending.counts_as_shown).await,
        None => None,
    };
    finish(visit, response, |body| Body::new(body, filler, hold))
}

/// Ends a visit with nothing to show.
pub(crate) fn finalize_unchanged<B: MessageBody + 'static>(
    visit: &RequestState,
    response: ServiceResponse<B>,
) -> ServiceResponse<Body<B>> {
    finish(visit, response, |body| {
        Body::new(EitherBody::left(body), None, None)
    })
}

/// Ends a visit that came to an error: a middleware inside of Salver's gave up.
pub(crate) async fn finalize_error(visit: &RequestState, mut error: Error) -> Error {
    if let Some(hold) = visit.take_claim() {
        settle_claim(visit, hold, false).await;
    }
    for cookie in visit.visitor.take_cookies() {
        error.add_response_mapper(move |mut response: HttpResponse| {
            forbid_caching(response.headers_mut());
            // The cookie is one that this crate baked: it fits.
            let _ = response.add_cookie(&cookie);
            response
        });
    }
    error
}

fn finish<B, T>(
    visit: &RequestState,
    mut response: ServiceResponse<T>,
    body: impl FnOnce(T) -> Body<B>,
) -> ServiceResponse<Body<B>> {
    visit.visitor.set_hint_cookie(response.request());
    if !visit.take_response_only().is_empty() {
        tracing::warn!(
            "a message for this response only was not shown: there is no slot to fill, the page draws `Pending` itself \
             (use `Pending::now`), or htmx drops the response (say `as_page` or `as_part_of` if it does not)"
        );
    }
    if visit.carries_messages() {
        forbid_caching(response.headers_mut());
    }
    for cookie in visit.visitor.take_cookies() {
        forbid_caching(response.headers_mut());
        if response.response_mut().add_cookie(&cookie).is_err() {
            tracing::error!("a cookie does not fit into a header");
        }
    }
    response.map_body(|_, inner| body(inner))
}

type Injected<B> = (ServiceResponse<EitherBody<B, Bytes>>, Option<Box<Injector>>);

/// Fills the slot, or what stands for it in a part, if there is something to put into it.
async fn inject<B: MessageBody + 'static>(
    visit: &RequestState,
    response: ServiceResponse<B>,
    part: Option<&Partial>,
) -> Injected<B> {
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    let mut filler = None;
    let body = match body.try_into_bytes() {
        Ok(page) => EitherBody::right(inject_into_page(visit, &request, page, part).await),
        // A page or a part: of that which comes in pieces, htmx alone knows.
        Err(body) if part == Some(&Partial::Htmx) && !visit.is_declared_partial() => {
            EitherBody::left(body)
        }
        // A stream: its head goes out before its slot comes, so that the claim cannot wait for the slot.
        Err(body) => {
            let drawn = render_messages(visit, &request, part).await;
            let (wanted, drawn) = match part {
                None => (InsertionPoint::Slot, drawn),
                Some(part) => (part.insertion_point(), drawn.map(|drawn| part.wrap(&drawn))),
            };
            filler = drawn.map(|drawn| Box::new(Injector::new(drawn, wanted)));
            EitherBody::left(body)
        }
    };
    if visit.carries_messages() {
        head.headers_mut().remove(header::CONTENT_LENGTH);
        if !head.headers().contains_key(header::CONTENT_TYPE) {
            head.headers_mut().insert(header::CONTENT_TYPE, HTML);
        }
    }
    (ServiceResponse::new(request, head.set_body(body)), filler)
}

/// Fills a whole page, or part of one.
async fn inject_into_page(
    visit: &RequestState,
    request: &HttpRequest,
    page: Bytes,
    part: Option<&Partial>,
) -> Bytes {
    let slot = match part {
        Some(Partial::Htmx) if visit.is_declared_partial() => None,
        None | Some(Partial::Htmx) => inject::find(&page, &InsertionPoint::Slot),
        Some(_) => None,
    };
    if let Some(at) = slot {
        let Some(drawn) = render_messages(visit, request, None).await else {
            return page;
        };
        let filled = insert(&page, at, &drawn);
        // htmx may take in all of the page, or what is selected of it: it drops the one or the other.
        return match part {
            Some(part) => insert(&filled, filled.len(), &part.wrap(&drawn)),
            None => filled,
        };
    }
    let Some(part) = part else { return page };
    let Some(at) = inject::find(&page, &part.insertion_point()) else {
        return page;
    };
    let drawn = render_messages(visit, request, Some(part)).await;
    drawn.map_or(page.clone(), |drawn| insert(&page, at, &part.wrap(&drawn)))
}

/// Draws what goes in; nothing when there is nothing to show.
async fn render_messages(
    visit: &RequestState,
    request: &HttpRequest,
    part: Option<&Partial>,
) -> Option<String> {
    // What a handler has claimed for itself and not drawn is no part's: it is given back.
    let is_others = part.is_some() && visit.has_claim();
    let shown = match part {
        None => visit.page_messages(request).await,
        Some(_) => visit.partial_messages(request).await,
    };
    let now = visit.take_response_only();
    // Most pages have nothing to say: no language is asked for.
    let tongue = match shown.messages.is_empty() && shown.displaced == 0 && now.is_empty() {
        true => Translator::default(),
        false => visit.translator(request).clone(),
    };
    let messages = [&*shown.messages, &tongue.translate_all(&now)].concat();
    let fragment = visit.render(&messages, shown.displaced, &tongue);
    match is_others {
        true => visit.mark_carries_messages(!fragment.is_empty()),
        false => visit.mark_rendered(!fragment.is_empty()),
    }
    (!fragment.is_empty()).then_some(fragment)
}

fn insert(page: &[u8], at: usize, fragment: &str) -> Bytes {
    let (before, after) = page.split_at_checked(at).unwrap_or((page, &[]));
    [before, fragment.as_bytes(), after].concat().into()
}

/// Decides how the claim ends: gives it on to the body, which confirms it, or releases it now.
async fn settle_claim(visit: &RequestState, hold: ClaimGuard, counts: bool) -> Option<ClaimGuard> {
    match visit.claim_override() {
        None if counts && visit.is_rendered() => return Some(hold),
        Some(ClaimOverride::ClientConfirms) if counts && visit.is_rendered() => {
            return Some(match visit.client_confirms() {
                true => hold.into_client_confirmed(),
                false => hold,
            });
        }
        Some(ClaimOverride::Confirm) => hold.confirm(),
        _ => visit.release(hold).await,
    }
    None
}

/// No cache may keep what was for one visitor, nor answer "not modified" for it.
fn forbid_caching(headers: &mut HeaderMap) {
    headers.retain(|name, _| !is_cache_header(name.as_str()));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, private"),
    );
}

/// Tells whether a header lets a cache keep a response: `CDN-Cache-Control` and its like (RFC 9213), and what
/// nginx and others put above `Cache-Control`, or know instead of it.
fn is_cache_header(header: &str) -> bool {
    CACHE_HEADERS.contains(&header) || header.ends_with("-cache-control")
}
