//! The last step of a request: fills the slot, settles the claim, sets headers and cookies.

use std::borrow::Cow;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue, InvalidHeaderValue};
use actix_web::{Error, HttpRequest, HttpResponse};
use bytes::Bytes;

use crate::handle::ClaimGuard;
use crate::log_limit::LogLimit;
use crate::web::partial::{Partial, wrap_copy};
use crate::web::request::state::{ClaimOverride, PageMessages, RequestState};
#[cfg(feature = "inbox")]
use crate::web::response::bell;
use crate::web::response::body::Body;
use crate::web::response::body_headers::remove_body_headers;
use crate::web::response::eligibility::MediaType;
use crate::web::response::encoding::FragmentEncoding;
use crate::web::response::html::{Target, is_html};
use crate::web::response::inject::{self, Injector, InsertionPoint, insert};
use crate::web::response::misdirected;
use crate::web::response::plan::ResponsePlan;
use crate::web::response::status::{STATUS, SkipReason};
use crate::web::translation::Translator;

/// Content type of a partial whose response had no body.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// Content type of a page that had none. A `<meta charset>` of the page stays in force.
const SNIFFED_HTML: HeaderValue = HeaderValue::from_static("text/html");

/// Where the messages of a page are inserted.
const SLOT: InsertionPoint = InsertionPoint::In(Target::Slot);

/// Headers by which caches store responses, or check whether they have changed.
const CACHE_HEADERS: [&str; 6] = [
    "etag",
    "last-modified",
    "expires",
    "x-accel-expires",
    "surrogate-control",
    "edge-control",
];

/// Finalizes a response that may carry messages, or whose request has a claim.
pub(crate) async fn finalize<B: MessageBody + 'static>(
    state: &RequestState,
    response: ServiceResponse<B>,
    plan: ResponsePlan,
) -> ServiceResponse<Body<B>> {
    let (response, injector) = match plan.injects {
        true => inject(state, response, &plan).await,
        false => (response.map_body(|_, body| EitherBody::left(body)), None),
    };
    #[cfg(feature = "inbox")]
    let response = match plan.fills_bell && injector.is_none() {
        true => bell::fill(state, response).await,
        false => response,
    };
    let claim = match state.take_claim() {
        Some(claim) => settle_claim(state, claim, plan.counts_as_shown).await,
        None => None,
    };
    finish(state, response, |body| Body::new(body, injector, claim))
}

/// Finalizes a response without messages and without a claim.
pub(crate) fn finalize_unchanged<B: MessageBody + 'static>(
    state: &RequestState,
    response: ServiceResponse<B>,
) -> ServiceResponse<Body<B>> {
    finish(state, response, |body| {
        Body::new(EitherBody::left(body), None, None)
    })
}

/// Finalizes a request that ended in an error, because an inner middleware failed.
pub(crate) async fn finalize_error(state: &RequestState, mut error: Error) -> Error {
    if let Some(claim) = state.take_claim() {
        settle_claim(state, claim, false).await;
    }
    for cookie in state.visitor.finish_session_changes() {
        error.add_response_mapper(move |mut response: HttpResponse| {
            forbid_caching(response.headers_mut());
            set_cookie(response.headers_mut(), &cookie);
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
    state.set_hint_cookie(response.request());
    misdirected::warn(state, &response);
    if !state.take_response_only().is_empty() {
        tracing::warn!(
            "message for this response not shown: the page has no slot, renders `Pending` itself (use `Pending::now`), or \
             htmx discards the response (call `as_full_page` or `as_partial_of` if it does not)"
        );
    }
    if state.carries_messages() {
        forbid_caching(response.headers_mut());
    }
    if state.app_state.has_status_header && MediaType::of(&response) != MediaType::Other {
        let view = || state.view(response.request());
        if let Some(status) = state.status.header(view) {
            response.headers_mut().insert(STATUS, status);
        }
    }
    for cookie in state.visitor.finish_session_changes() {
        forbid_caching(response.headers_mut());
        set_cookie(response.headers_mut(), &cookie);
    }
    response.map_body(|_, inner| body(inner))
}

fn set_cookie(headers: &mut HeaderMap, cookie: &Result<HeaderValue, InvalidHeaderValue>) {
    static LOG_LIMIT: LogLimit = LogLimit::new();

    if clears_cookies(headers) && LOG_LIMIT.allow() {
        tracing::warn!(
            "the response sets a session cookie, but `Clear-Site-Data` makes the browser remove it; send \
             `Clear-Site-Data: \"cache\", \"storage\"` and remove each cookie of the application by name"
        );
    }
    match cookie {
        Ok(cookie) => headers.append(header::SET_COOKIE, cookie.clone()),
        Err(_) => tracing::error!("cannot set the session cookie: its value is not a valid header"),
    }
}

/// How messages are rendered into a response.
#[derive(Clone, Copy)]
struct Rendering {
    encoding: FragmentEncoding,
    /// Whether it shows pending messages, besides those for this response only.
    claims: bool,
}

type Injected<B> = (ServiceResponse<EitherBody<B, Bytes>>, Option<Box<Injector>>);

/// Fills the slot, or the insertion point of a partial, if there is something to insert.
async fn inject<B: MessageBody + 'static>(
    state: &RequestState,
    response: ServiceResponse<B>,
    plan: &ResponsePlan,
) -> Injected<B> {
    let partial = plan.partial.as_ref();
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    let rendering = Rendering {
        encoding: FragmentEncoding::of(head.headers()),
        claims: plan.counts_as_shown,
    };
    let mut injector = None;
    let body = match body.try_into_bytes() {
        Ok(page) if plan.is_sniffed && !is_html(&page) => {
            state.status.skip(SkipReason::NotHtml);
            EitherBody::right(page)
        }
        Ok(page) => {
            let page = inject_into_body(state, &request, page, partial, rendering).await;
            EitherBody::right(page)
        }
        // The first bytes arrive after the headers have been sent.
        Err(body) if plan.is_sniffed => {
            state.status.skip(SkipReason::NotHtml);
            EitherBody::left(body)
        }
        // Only htmx decides whether a streamed body is a page or a partial: it is left unchanged.
        Err(body) if partial == Some(&Partial::Htmx) && !state.is_declared_partial() => {
            state.status.skip(SkipReason::StreamedPartial);
            EitherBody::left(body)
        }
        // A streamed body: its headers are sent before its slot arrives, so the claim cannot wait
        // for the slot.
        Err(body) => {
            state.status.mark_streamed();
            let fragment = render_messages(state, &request, partial, rendering).await;
            let (insertion_point, fragment) = match partial {
                None => (SLOT, fragment),
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
        remove_body_headers(head.head_mut());
        if !head.headers().contains_key(header::CONTENT_TYPE) {
            let content_type = match plan.is_sniffed {
                true => SNIFFED_HTML,
                false => HTML,
            };
            head.headers_mut()
                .insert(header::CONTENT_TYPE, content_type);
        }
    }
    (ServiceResponse::new(request, head.set_body(body)), injector)
}

/// Inserts the messages into a complete body: a page or a partial.
async fn inject_into_body(
    state: &RequestState,
    request: &HttpRequest,
    body: Bytes,
    partial: Option<&Partial>,
    rendering: Rendering,
) -> Bytes {
    let slot = match partial {
        Some(Partial::Htmx) if state.is_declared_partial() => None,
        None | Some(Partial::Htmx) => inject::find(&body, &SLOT),
        Some(_) => None,
    };
    if let Some(at) = slot {
        let Some(fragment) = render_messages(state, request, None, rendering).await else {
            return body;
        };
        let filled = insert(&body, at, fragment.as_bytes());
        // htmx swaps in either the whole page or an element selected from it. It uses one of the
        // two copies and drops the other.
        return match partial {
            Some(_) => {
                let copy = wrap_copy(request, &fragment);
                insert(&filled, filled.len(), copy.as_bytes())
            }
            None => filled,
        };
    }
    let Some(partial) = partial else {
        let is_partial = state.headers(request).is_partial_request;
        state
            .status
            .skip(match is_partial && !state.app_state.partials {
                true => SkipReason::PartialsDisabled,
                false => SkipReason::NoSlot,
            });
        state.warn_if_slot_is_missing().await;
        return body;
    };
    let Some(at) = inject::find(&body, &partial.insertion_point()) else {
        state.status.skip(SkipReason::NoFrame);
        return body;
    };
    let fragment = render_messages(state, request, Some(partial), rendering).await;
    fragment.map_or(body.clone(), |fragment| {
        insert(&body, at, partial.wrap(&fragment).as_bytes())
    })
}

/// Renders the HTML to insert; `None` if there is nothing to show.
async fn render_messages(
    state: &RequestState,
    request: &HttpRequest,
    partial: Option<&Partial>,
    rendering: Rendering,
) -> Option<String> {
    // A claim that the handler made and did not render does not belong to the partial: it is
    // released.
    let is_claimed_by_handler = partial.is_some() && state.has_claim();
    let page_messages = match partial {
        _ if !rendering.claims => PageMessages::default(),
        None => state.page_messages(request).await,
        Some(_) => state.partial_messages(request).await,
    };
    let now = state.take_response_only();
    // Most pages have no messages: the site's translator is not called for them.
    let translator =
        match page_messages.messages.is_empty() && page_messages.displaced == 0 && now.is_empty() {
            true => Translator::default(),
            false => state.translator(request).clone(),
        };
    let messages = match now.is_empty() {
        true => Cow::Borrowed(&*page_messages.messages),
        false => Cow::Owned([&*page_messages.messages, &translator.translate_all(&now)].concat()),
    };
    state.status.add_shown(messages.len());
    let fragment = state.render(&messages, page_messages.displaced, &translator);
    match is_claimed_by_handler {
        true => state.mark_carries_messages(!fragment.is_empty()),
        false => state.mark_rendered(!fragment.is_empty()),
    }
    (!fragment.is_empty()).then(|| rendering.encoding.encode(fragment))
}

/// Decides how the claim is settled. Returns it for the body to confirm, or confirms or releases it
/// now.
async fn settle_claim(
    state: &RequestState,
    claim: ClaimGuard,
    counts_as_shown: bool,
) -> Option<ClaimGuard> {
    match state.claim_override() {
        None if counts_as_shown && state.is_rendered() => return Some(claim),
        Some(ClaimOverride::ClientConfirms) if counts_as_shown && state.is_rendered() => {
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

/// Returns whether the browser removes all cookies of the site, those of this response too.
fn clears_cookies(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all("clear-site-data");
    values.any(|value| {
        let mut types = value.as_bytes().split(|byte| *byte == b',');
        types.any(|kind| matches!(kind.trim_ascii(), b"\"cookies\"" | b"\"*\""))
    })
}

/// Forbids caches to store a response that is meant for one visitor, and to answer "not modified"
/// for it.
fn forbid_caching(headers: &mut HeaderMap) {
    headers.retain(|name, _| !is_cache_header(name.as_str()));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, private"),
    );
}

/// Returns whether a header lets a cache store a response: `CDN-Cache-Control` and other targeted
/// fields (RFC 9213), and fields that nginx and other caches use before or instead of
/// `Cache-Control`.
fn is_cache_header(header: &str) -> bool {
    CACHE_HEADERS.contains(&header) || header.ends_with("-cache-control")
}
