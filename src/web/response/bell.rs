//! Fills the bell of a page with the number of unread notifications.

use actix_web::HttpRequest;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use bytes::Bytes;

use crate::web::request::state::RequestState;
use crate::web::response::body_headers::remove_body_headers;
use crate::web::response::encoding::FragmentEncoding;
use crate::web::response::html::Target;
use crate::web::response::inject::{self, InsertionPoint, insert};

/// Fills the bell of a complete page. A streamed page gets it by the stream of events.
pub(super) async fn fill<B: MessageBody + 'static>(
    state: &RequestState,
    response: ServiceResponse<EitherBody<B, Bytes>>,
) -> ServiceResponse<EitherBody<B, Bytes>> {
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(page) => {
            let encoding = FragmentEncoding::of(head.headers());
            match page_with_bell(state, &request, &page, encoding).await {
                Some(filled) => {
                    state.mark_carries_messages(true);
                    remove_body_headers(head.head_mut());
                    EitherBody::right(filled)
                }
                None => EitherBody::right(page),
            }
        }
        Err(body) => body,
    };
    ServiceResponse::new(request, head.set_body(body))
}

/// Returns the page with the content of its bell; `None` if the bell stays as it is. A store failure
/// never breaks a page.
async fn page_with_bell(
    state: &RequestState,
    request: &HttpRequest,
    page: &Bytes,
    encoding: FragmentEncoding,
) -> Option<Bytes> {
    let at = inject::find(page, &InsertionPoint::In(Target::Bell))?;
    let (module, recipient) = state.recipient_module(request)?;
    let (salver, translator) = (&state.app_state.salver, state.translator(request));
    let bell = state.with_remaining_timeout(async |limit| {
        tokio::time::timeout(limit, module.bell(salver, translator, &recipient)).await
    });
    match bell.await {
        Ok(Ok(bell)) => Some(insert(page, at, encoding.encode(bell?).as_bytes())),
        Ok(Err(error)) => {
            tracing::debug!(%error, "page served without the number of unread notifications");
            None
        }
        Err(_) => None,
    }
}
