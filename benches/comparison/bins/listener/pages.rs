//! The pages of the process, which nobody need ask for over a network.

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

/// By which header a visitor says who it is.
const PERSON: &str = "person";
/// How many pages are under way at once.
const AT_ONCE: usize = 256;

/// Finds the visitor of a request.
pub(crate) fn person(request: &HttpRequest) -> Option<SessionId> {
    let name = request.headers().get(PERSON)?.to_str().ok()?;
    SessionId::new(name).ok()
}

pub(crate) async fn page(pending: Pending) -> String {
    pending.html()
}

pub(crate) async fn index(salver: Salver) -> String {
    format!("{:?}", salver.health().await.pending_index())
}

/// Asks for a page as the person of a number.
pub(crate) async fn ask<S, B>(site: &S, path: &str, number: usize) -> String
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let request = TestRequest::get().uri(path);
    let request = request.insert_header((PERSON, visitors::name(number)));
    let body = call_and_read_body(site, request.to_request()).await;
    String::from_utf8_lossy(&body).into_owned()
}

/// Asks for the page as each of many people; tells how many do not see their message.
pub(crate) async fn missed<S, B>(site: &S, people: Range<usize>) -> usize
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let pages = iter(people).map(|number| ask(site, "/page", number));
    let missed = pages
        .buffer_unordered(AT_ONCE)
        .filter(|page| ready(!page.contains(TEXT)));
    missed.count().await
}
