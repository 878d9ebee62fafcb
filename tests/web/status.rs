//! The header `Salver-Status`, and `salver why`: each reason why a message does not show.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::test::TestRequest;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use salver::{Message, Messages, Pending, Salver};

use crate::support::site::{PAGE, ada, context_of_ada, html, site};

const PARTIAL: (&str, &str) = ("hx-request", "true");

/// Returns the body of a page in one chunk, without its length.
fn streamed(page: &'static str) -> HttpResponse {
    let chunks = stream::iter([Ok::<_, actix_web::Error>(Bytes::from_static(
        page.as_bytes(),
    ))]);
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .streaming(chunks)
}

/// A route, the headers of its request, and the expected status.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Requests and their routes, each with the status that the response names. One message is pending
/// for each route.
const CASES: [Case; 27] = [
    ("/page", &[], r#"shown=1; view="page""#),
    ("/rendered", &[], r#"shown=1; view="rendered""#),
    ("/streamed", &[], r#"shown=1; view="streamed"; streamed"#),
    ("/now", &[], r#"shown=2; view="now""#),
    (
        "/part",
        &[PARTIAL, ("salver-view", "home")],
        r#"skipped; reason="nothing pending"; view="home""#,
    ),
    (
        "/empty",
        &[PARTIAL, ("salver-view", "empty")],
        r#"shown=1; view="empty""#,
    ),
    (
        "/empty",
        &[PARTIAL, ("salver-view", "none")],
        r#"skipped; reason="nothing pending"; view="none""#,
    ),
    (
        "/page",
        &[PARTIAL, ("salver-view", "home")],
        r#"shown=1; view="page""#,
    ),
    (
        "/rendered-error",
        &[],
        r#"skipped; reason="failed handler"; view="rendered-error""#,
    ),
    (
        "/rendered-refused",
        &[PARTIAL],
        r#"skipped; reason="discarded by htmx"; view="rendered-refused""#,
    ),
    (
        "/noslot",
        &[],
        r#"skipped; reason="no slot in the body"; view="noslot""#,
    ),
    (
        "/frame",
        &[("turbo-frame", "cart")],
        r#"skipped; reason="no frame in the body"; view="*""#,
    ),
    (
        "/prefetch",
        &[("sec-purpose", "prefetch")],
        r#"skipped; reason="not a page request"; view="prefetch""#,
    ),
    (
        "/script",
        &[("x-requested-with", "XMLHttpRequest")],
        r#"skipped; reason="fragment for a script"; view="script""#,
    ),
    (
        "/stream",
        &[],
        r#"skipped; reason="partials are disabled"; view="stream""#,
    ),
    (
        "/chunks",
        &[PARTIAL],
        r#"skipped; reason="streamed partial"; view="*""#,
    ),
    (
        "/refused",
        &[PARTIAL],
        r#"skipped; reason="discarded by htmx"; view="refused""#,
    ),
    (
        "/gone",
        &[],
        r#"skipped; reason="not a page status"; view="gone""#,
    ),
    (
        "/failed",
        &[],
        r#"skipped; reason="failed handler"; view="failed""#,
    ),
    (
        "/login",
        &[],
        r#"skipped; reason="authentication prompt"; view="login""#,
    ),
    (
        "/nothing",
        &[],
        r#"skipped; reason="empty body"; view="nothing""#,
    ),
    ("/text", &[], r#"skipped; reason="not HTML"; view="text""#),
    ("/file", &[], r#"skipped; reason="download"; view="file""#),
    (
        "/packed",
        &[],
        r#"skipped; reason="compressed body"; view="packed""#,
    ),
    (
        "/other",
        &[],
        r#"skipped; reason="nothing pending"; view="other""#,
    ),
    (
        "/head",
        &[("x-method", "HEAD")],
        r#"skipped; reason="HEAD request"; view="head""#,
    ),
    (
        "/d%C3%A6k/{n}",
        &[],
        r#"skipped; reason="nothing pending"; view="d%C3%A6k/{n}""#,
    ),
];

fn routes(app: &mut web::ServiceConfig) {
    let page = || async { html(PAGE) };
    for path in ["/page", "/prefetch", "/script", "/other", "/dæk/{n}"] {
        app.route(path, web::get().to(page));
    }
    app.route("/head", web::to(page))
        .route(
            "/rendered",
            web::get().to(|pending: Pending| async move { html(pending.html()) }),
        )
        .route("/streamed", web::get().to(|| async { streamed(PAGE) }))
        .route(
            "/now",
            web::get().to(|messages: Messages| async move {
                messages.now(Message::info("only here"));
                html(PAGE)
            }),
        )
        .route(
            "/rendered-error",
            web::get().to(|pending: Pending| async move {
                drop(pending.html());
                Err::<HttpResponse, _>(FailedPage)
            }),
        )
        .route(
            "/rendered-refused",
            web::get().to(|pending: Pending| async move {
                drop(pending.html());
                page_with(StatusCode::UNPROCESSABLE_ENTITY, None)
            }),
        )
        .route("/part", web::get().to(|| async { html("<p>") }))
        .route("/empty", web::get().to(HttpResponse::Ok))
        .route("/noslot", web::get().to(|| async { html("<p>") }))
        .route("/frame", web::get().to(|| async { html("<p>") }))
        .route(
            "/stream",
            web::get().to(|messages: Messages| async move {
                messages.as_full_page();
                HttpResponse::Ok()
                    .content_type("text/vnd.turbo-stream.html")
                    .body("<turbo-stream>")
            }),
        )
        .route("/chunks", web::get().to(|| async { streamed(PAGE) }))
        .route(
            "/refused",
            web::get().to(|| async { page_with(StatusCode::UNPROCESSABLE_ENTITY, None) }),
        )
        .route(
            "/gone",
            web::get().to(|| async { page_with(StatusCode::NOT_FOUND, None) }),
        )
        .route(
            "/failed",
            web::get().to(|| async { Err::<HttpResponse, _>(FailedPage) }),
        )
        .route(
            "/login",
            web::get().to(|| async {
                page_with(
                    StatusCode::UNAUTHORIZED,
                    Some(("www-authenticate", "Basic")),
                )
            }),
        )
        .route(
            "/nothing",
            web::get().to(|| async { page_with(StatusCode::ACCEPTED, None).set_body("") }),
        )
        .route(
            "/text",
            web::get().to(|| async { HttpResponse::Ok().body("plain text") }),
        )
        .route(
            "/file",
            web::get().to(|| async {
                page_with(StatusCode::OK, Some(("content-disposition", "attachment")))
            }),
        )
        .route(
            "/packed",
            web::get().to(|| async { page_with(StatusCode::OK, Some(("content-encoding", "br"))) }),
        );
}

fn page_with(status: StatusCode, header: Option<(&str, &str)>) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.content_type(ContentType::html());
    if let Some(header) = header {
        response.insert_header(header);
    }
    response.body(PAGE)
}

/// An error that draws a page.
#[derive(Debug)]
struct FailedPage;

impl std::fmt::Display for FailedPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl actix_web::ResponseError for FailedPage {
    fn error_response(&self) -> HttpResponse {
        page_with(StatusCode::UNPROCESSABLE_ENTITY, None)
    }
}

#[actix_web::test]
async fn header_names_what_a_response_shows_or_why_it_shows_nothing() {
    let salver = Salver::memory("app").unwrap();
    let middleware = salver.middleware().session(|_: &_| Some(ada()));
    let site = site(middleware, routes).await;
    let mut reasons = BTreeSet::new();
    for (path, headers, expected) in CASES {
        if !expected.contains("nothing pending") {
            let context = context_of_ada(&salver, path);
            salver.add(&context, Message::info("text")).await.unwrap();
        }
        let mut request = TestRequest::get().uri(path);
        for (name, value) in headers {
            request = match *name {
                "x-method" => request.method(value.parse().unwrap()),
                name => request.insert_header((name, *value)),
            };
        }
        let response = site.send(request).await;
        assert_eq!(response.header("salver-status"), Some(expected), "{path}");
        reasons.extend(
            expected
                .split('"')
                .nth(1)
                .filter(|_| expected.starts_with("skipped")),
        );
        salver.flush().await;
    }
    let middleware = salver.middleware().session(|_: &_| Some(ada()));
    let without_partials = crate::support::site::site(middleware.without_partials(), routes).await;
    salver
        .add(&context_of_ada(&salver, "part"), Message::info("text"))
        .await
        .unwrap();
    let part = TestRequest::get().uri("/part").insert_header(PARTIAL);
    assert_eq!(
        without_partials.send(part).await.header("salver-status"),
        Some(r#"skipped; reason="partials are disabled"; view="part""#)
    );
    let guide = include_str!("../../src/docs/guide.md");
    for reason in &reasons {
        assert!(
            guide.contains(&format!("| `{reason}` |")),
            "{reason} is not in the guide"
        );
    }
    println!("STATUS reasons={}", reasons.len());
}

#[actix_web::test]
async fn header_tells_that_the_visitor_has_no_session_or_the_store_fails() {
    let salver = Salver::memory("app").unwrap();
    let site = site(salver.middleware(), routes).await;
    let expected = r#"skipped; reason="no session"; view="page""#;
    assert_eq!(
        site.get("/page").await.header("salver-status"),
        Some(expected)
    );

    let store = salver::store::RedisStore::new("redis://127.0.0.1:1").unwrap();
    let salver = Salver::new("app", store).unwrap();
    let middleware = salver.middleware().session(|_: &_| Some(ada()));
    let site = crate::support::site::site(middleware, routes).await;
    let expected = r#"skipped; reason="store failure"; view="page""#;
    assert_eq!(
        site.get("/page").await.header("salver-status"),
        Some(expected)
    );
}

#[actix_web::test]
async fn header_is_only_on_html_and_can_be_omitted() {
    let salver = Salver::memory("app").unwrap();
    for (middleware, expected) in [
        (salver.middleware(), cfg!(debug_assertions)),
        (salver.middleware().explain(), true),
        (salver.middleware().without_explanations(), false),
    ] {
        let site = site(middleware, |app| {
            routes(app);
            app.route("/json", web::get().to(|| async { web::Json("text") }));
        })
        .await;
        assert_eq!(
            site.get("/page").await.header("salver-status").is_some(),
            expected
        );
        assert_eq!(site.get("/json").await.header("salver-status"), None);
    }
}
