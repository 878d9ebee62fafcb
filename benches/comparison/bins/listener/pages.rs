//! The pages of the process. They are requested inside the process, without a network.

use std::future::ready;
use std::ops::Range;

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, call_and_read_body};
use actix_web::{Error, HttpRequest};
use comparison::{TEXT, visitors};
use futures_util::stream::{StreamExt, iter};
use salver::{Pending, Salver, SessionId};

/// The request header with the session of the visitor.
const VISITOR_HEADER: &str = "visitor";
/// Number of concurrent page requests.
const MAX_IN_FLIGHT: usize = 256;

/// Returns the session of a request.
pub(crate) fn session(request: &HttpRequest) -> Option<SessionId> {
    let name = request.headers().get(VISITOR_HEADER)?.to_str().ok()?;
    SessionId::new(name).ok()
}

pub(crate) async fn page(pending: Pending) -> String {
    pending.html()
}

pub(crate) async fn index(salver: Salver) -> String {
    format!("{:?}", salver.health().await.pending_index())
}

/// Requests a page as the visitor with a number, and returns the body.
pub(crate) async fn request<S, B>(site: &S, path: &str, number: usize) -> String
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let request = TestRequest::get().uri(path);
    let request = request.insert_header((VISITOR_HEADER, visitors::name(number)));
    let body = call_and_read_body(site, request.to_request()).await;
    String::from_utf8_lossy(&body).into_owned()
}

/// Requests the page as each of the visitors. Returns the number of pages without a message.
pub(crate) async fn missed<S, B>(site: &S, visitors: Range<usize>) -> usize
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let pages = iter(visitors).map(|number| request(site, "/page", number));
    let missed = pages
        .buffer_unordered(MAX_IN_FLIGHT)
        .filter(|page| ready(!page.contains(TEXT)));
    missed.count().await
}
