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
    state: &RequestState,
    response: ServiceResponse<B>,
    plan: ResponsePlan,
) -> ServiceResponse<Body<B>> {
    let (response, injector) = match plan.injects {
        true => inject(state, response, plan.partial.as_ref()).await,
        false => (response.map_body(|_, body| EitherBody::left(body)), None),
    };
    let claim = match state.take_claim() {
        Some(claim) => settle_claim(state, claim, plan.counts_as_shown).await,
        None => None,
    };
    finish(state, response, |body| Body::new(body, injector, claim))
}

/// Ends a visit with nothing to show.
pub(crate) fn finalize_unchanged<B: MessageBody + 'static>(
    state: &RequestState,
    response: ServiceResponse<B>,
) -> ServiceResponse<Body<B>> {
    finish(state, response, |body| {
        Body::new(EitherBody::left(body), None, None)
    })
}

/// Ends a visit that came to an error: a middleware inside of Salver's gave up.
pub(crate) async fn finalize_error(state: &RequestState, mut error: Error) -> Error {
    if let Some(claim) = state.take_claim() {
        settle_claim(state, claim, false).await;
    }
    for cookie in state.visitor.take_cookies() {
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
    state: &RequestState,
    mut response: ServiceResponse<T>,
    body: impl FnOnce(T) -> Body<B>,
) -> ServiceResponse<Body<B>> {
    state.visitor.set_hint_cookie(response.request());
    if !state.take_response_only().is_empty() {
        tracing::warn!(
            "message for this response not shown: the page has no slot, renders `Pending` itself (use `Pending::now`), or \
             htmx discards the response (call `as_full_page` or `as_partial_of` if it does not)"
        );
    }
    if state.carries_messages() {
        forbid_caching(response.headers_mut());
    }
    for cookie in state.visitor.take_cookies() {
        forbid_caching(response.headers_mut());
        if response.response_mut().add_cookie(&cookie).is_err() {
            tracing::error!("cannot set the session cookie: its value is not a valid header");
        }
    }
    response.map_body(|_, inner| body(inner))
}

type Injected<B> = (ServiceResponse<EitherBody<B, Bytes>>, Option<Box<Injector>>);

/// Fills the slot, or what stands for it in a part, if there is something to put into it.
async fn inject<B: MessageBody + 'static>(
    state: &RequestState,
    response: ServiceResponse<B>,
    partial: Option<&Partial>,
) -> Injected<B> {
    let (request, response) = response.into_parts();
    let (mut headers, body) = response.into_parts();
    let mut injector = None;
    let body = match body.try_into_bytes() {
        Ok(page) => EitherBody::right(inject_into_page(state, &request, page, partial).await),
        // A page or a part: of that which comes in pieces, htmx alone knows.
        Err(body) if partial == Some(&Partial::Htmx) && !state.is_declared_partial() => {
            EitherBody::left(body)
        }
        // A stream: its head goes out before its slot comes, so that the claim cannot wait for the slot.
        Err(body) => {
            let fragment = render_messages(state, &request, partial).await;
            let (insertion_point, fragment) = match partial {
                None => (InsertionPoint::Slot, fragment),
                Some(partial) => (
                    partial.insertion_point(),
                    fragment.map(|fragment| partial.wrap(&fragment)),
                ),
            };
            injector = fragment.map(|fragment| Box::new(Injector::new(fragment, insertion_point)));
            EitherBody::left(body)
        }
    };
    if state.carries_messages() {
        headers.headers_mut().remove(header::CONTENT_LENGTH);
        if !headers.headers().contains_key(header::CONTENT_TYPE) {
            headers.headers_mut().insert(header::CONTENT_TYPE, HTML);
        }
    }
    (
        ServiceResponse::new(request, headers.set_body(body)),
        injector,
    )
}

/// Fills a whole page, or part of one.
async fn inject_into_page(
    state: &RequestState,
    request: &HttpRequest,
    page: Bytes,
    partial: Option<&Partial>,
) -> Bytes {
    let slot = match partial {
        Some(Partial::Htmx) if state.is_declared_partial() => None,
        None | Some(Partial::Htmx) => inject::find(&page, &InsertionPoint::Slot),
        Some(_) => None,
    };
    if let Some(at) = slot {
        let Some(fragment) = render_messages(state, request, None).await else {
            return page;
        };
        let filled = insert(&page, at, &fragment);
        // htmx may take in all of the page, or what is selected of it: it drops the one or the other.
        return match partial {
            Some(partial) => insert(&filled, filled.len(), &partial.wrap(&fragment)),
            None => filled,
        };
    }
    let Some(partial) = partial else { return page };
    let Some(at) = inject::find(&page, &partial.insertion_point()) else {
        return page;
    };
    let fragment = render_messages(state, request, Some(partial)).await;
    fragment.map_or(page.clone(), |fragment| {
        insert(&page, at, &partial.wrap(&fragment))
    })
}

/// Draws what goes in; nothing when there is nothing to show.
async fn render_messages(
    state: &RequestState,
    request: &HttpRequest,
    partial: Option<&Partial>,
) -> Option<String> {
    // What a handler has claimed for itself and not drawn is no part's: it is given back.
    let is_others = partial.is_some() && state.has_claim();
    let page_messages = match partial {
        None => state.page_messages(request).await,
        Some(_) => state.partial_messages(request).await,
    };
    let now = state.take_response_only();
    // Most pages have nothing to say: no language is asked for.
    let translator =
        match page_messages.messages.is_empty() && page_messages.displaced == 0 && now.is_empty() {
            true => Translator::default(),
            false => state.translator(request).clone(),
        };
    let messages = [&*page_messages.messages, &translator.translate_all(&now)].concat();
    let fragment = state.render(&messages, page_messages.displaced, &translator);
    match is_others {
        true => state.mark_carries_messages(!fragment.is_empty()),
        false => state.mark_rendered(!fragment.is_empty()),
    }
    (!fragment.is_empty()).then_some(fragment)
}

fn insert(page: &[u8], at: usize, fragment: &str) -> Bytes {
    let (before, after) = page.split_at_checked(at).unwrap_or((page, &[]));
    [before, fragment.as_bytes(), after].concat().into()
}

/// Decides how the claim ends: gives it on to the body, which confirms it, or releases it now.
async fn settle_claim(state: &RequestState, claim: ClaimGuard, counts: bool) -> Option<ClaimGuard> {
    match state.claim_override() {
        None if counts && state.is_rendered() => return Some(claim),
        Some(ClaimOverride::ClientConfirms) if counts && state.is_rendered() => {
            return Some(match state.client_confirms() {
                true => claim.into_client_confirmed(),
                false => claim,
            });
        }
        Some(ClaimOverride::Confirm) => claim.confirm(),
        _ => state.release(claim).await,
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
