//! A web site under test, and a visitor with a cookie jar.

use std::cell::RefCell;
use std::collections::BTreeMap;

use actix_http::Request;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::ServiceConfig;
use actix_web::{App, Error, HttpResponse};
use salver::web::Middleware;
use salver::{Context, IntoView, Salver, SessionId};

/// An HTML page with a slot.
pub const PAGE: &str = "<!doctype html><h1>Page</h1><salver-messages></salver-messages>";

pub fn html(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(body.into())
}

/// A response with its whole body.
#[derive(Debug)]
pub struct TestResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl TestResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn shows(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

/// A web site, and one visitor with a cookie jar.
pub struct WebTestSite<S> {
    app: S,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<S, B> WebTestSite<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    pub fn of(app: S) -> Self {
        Self {
            app,
            cookies: RefCell::default(),
        }
    }

    /// Sends a request with the visitor's cookies and stores those of the response.
    /// Returns the response with its body unread.
    pub async fn call(&self, request: TestRequest) -> Result<ServiceResponse<B>, Error> {
        let peer = "127.0.0.1:50000".parse().unwrap();
        let mut request = request.insert_header(("host", "localhost")).peer_addr(peer);
        if let Some(cookies) = self.cookie() {
            request = request.insert_header(("cookie", cookies));
        }
        let response = self.app.call(request.to_request()).await?;
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.store_cookie(pair);
        }
        Ok(response)
    }

    pub async fn send(&self, request: TestRequest) -> TestResponse {
        let response = self.call(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body()).await;
        let body = body.unwrap_or_else(|_| panic!("the body ended with an error"));
        let body = String::from_utf8(body.to_vec()).unwrap();
        TestResponse {
            status,
            headers,
            body,
        }
    }

    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(TestRequest::get().uri(path)).await
    }

    pub async fn post(&self, path: &str) -> TestResponse {
        self.send(TestRequest::post().uri(path)).await
    }

    fn store_cookie(&self, pair: &str) {
        let (name, value) = pair.split_once('=').unwrap();
        let mut cookies = self.cookies.borrow_mut();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Returns the `Cookie` header of the next request.
    pub fn cookie(&self) -> Option<String> {
        let cookies = self.cookies.borrow();
        let pairs: Vec<_> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Replaces the cookies of the visitor.
    pub fn set_cookie(&self, cookies: Option<String>) {
        self.cookies.borrow_mut().clear();
        let cookies = cookies.unwrap_or_default();
        for pair in cookies.split("; ").filter(|pair| !pair.is_empty()) {
            self.store_cookie(pair);
        }
    }
}

/// Returns the session of Ada.
pub fn ada() -> SessionId {
    crate::support::session("ada")
}

/// Returns the context of Ada's session for a view.
pub fn context_of_ada(salver: &Salver, view: impl IntoView) -> Context {
    salver.context(ada(), view).unwrap()
}

/// Returns a site on which the session of each request is Ada's. It sends the headers of a release
/// build.
pub async fn site_of_ada(
    salver: &Salver,
    routes: impl FnOnce(&mut ServiceConfig),
) -> WebTestSite<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>>
{
    let middleware = salver.middleware().session(|_: &_| Some(ada()));
    site(middleware.without_explanations(), routes).await
}

/// Returns a site with this middleware.
pub async fn site(
    middleware: Middleware,
    routes: impl FnOnce(&mut ServiceConfig),
) -> WebTestSite<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>>
{
    WebTestSite::of(init_service(App::new().wrap(middleware).configure(routes)).await)
}

/// Returns whether a response is HTML.
pub fn is_html(response: &TestResponse) -> bool {
    response
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}
