//! A site under test, and a visitor who keeps cookies.

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

/// An HTML page with a slot in it.
pub const PAGE: &str = "<!doctype html><h1>Page</h1><salver-messages></salver-messages>";

pub fn html(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(body.into())
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn shows(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

/// A site and one visitor of it.
pub struct Site<S> {
    app: S,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<S, B> Site<S>
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

    /// Sends a request with the visitor's cookie and keeps the one that comes back.
    pub async fn head(&self, request: TestRequest) -> Result<ServiceResponse<B>, Error> {
        let here = "127.0.0.1:50000".parse().unwrap();
        let mut request = request.insert_header(("host", "localhost")).peer_addr(here);
        if let Some(cookies) = self.cookie() {
            request = request.insert_header(("cookie", cookies));
        }
        let response = self.app.call(request.to_request()).await?;
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.keep(pair);
        }
        Ok(response)
    }

    pub async fn send(&self, request: TestRequest) -> Answer {
        let response = self.head(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body()).await;
        let body = body.unwrap_or_else(|_| panic!("the body broke off"));
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer {
            status,
            headers,
            body,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.send(TestRequest::post().uri(path)).await
    }

    fn keep(&self, pair: &str) {
        let (name, value) = pair.split_once('=').unwrap();
        let mut cookies = self.cookies.borrow_mut();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// The cookies that the next request brings.
    pub fn cookie(&self) -> Option<String> {
        let cookies = self.cookies.borrow();
        let pairs: Vec<_> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Brings these instead.
    pub fn set_cookie(&self, cookies: Option<String>) {
        self.cookies.borrow_mut().clear();
        let cookies = cookies.unwrap_or_default();
        for pair in cookies.split("; ").filter(|pair| !pair.is_empty()) {
            self.keep(pair);
        }
    }
}

/// Every request is Ada's.
pub fn ada() -> SessionId {
    crate::support::session("ada")
}

pub fn adas(salver: &Salver, view: impl IntoView) -> Context {
    salver.context(ada(), view).unwrap()
}

/// A site whose every visitor is Ada.
pub async fn adas_site(
    salver: &Salver,
    routes: impl FnOnce(&mut ServiceConfig),
) -> Site<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
    let middleware = salver.middleware().session(|_: &_| Some(ada()));
    site(middleware, routes).await
}

/// A site with the middleware as it is given.
pub async fn site(
    middleware: Middleware,
    routes: impl FnOnce(&mut ServiceConfig),
) -> Site<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
    Site::of(init_service(App::new().wrap(middleware).configure(routes)).await)
}

/// Tells whether a response is HTML, for the one test that wants to know.
pub fn is_html(answer: &Answer) -> bool {
    answer
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}
