//! Every way in which a response can end, and whether its messages are confirmed or stay pending.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::middleware::Compress;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, error, web};
use bytes::Bytes;
use futures_util::stream;
use salver::{Context, Pending, Salver};

use crate::support::fault_site::{VISITOR_HEADER, send_get, visitor};
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::profile::salver;
use crate::support::redis::{Server, pending};
use crate::support::{at, eventually};

const PAGE: &str = "<!doctype html><main><salver-messages></salver-messages></main>";

/// The state of the message after the response.
#[derive(Clone, Copy, Debug, PartialEq)]
enum MessageState {
    Shown,
    Pending,
}
use MessageState::{Pending as StillPending, Shown};

/// The cases: path, which is also the name of the view; method and header of the request; expected
/// state of the message.
const CASES: [(&str, &str, (&str, &str), MessageState); 23] = [
    ("whole", "GET", ("x-none", ""), Shown),
    ("any-method", "POST", ("x-none", ""), Shown),
    ("chunked", "GET", ("x-none", ""), Shown),
    (
        "known-length",
        "GET",
        ("accept-encoding", "identity"),
        Shown,
    ),
    ("compressed", "GET", ("accept-encoding", "gzip"), Shown),
    (
        "compressed-stream",
        "GET",
        ("accept-encoding", "gzip"),
        Shown,
    ),
    ("unprocessable", "POST", ("x-none", ""), Shown),
    ("rendered", "GET", ("x-none", ""), Shown),
    ("json", "GET", ("x-none", ""), Shown),
    ("counted", "GET", ("x-none", ""), StillPending),
    ("no-slot", "GET", ("x-none", ""), StillPending),
    ("empty", "GET", ("x-none", ""), StillPending),
    ("head", "HEAD", ("x-none", ""), StillPending),
    (
        "prefetched",
        "GET",
        ("sec-purpose", "prefetch"),
        StillPending,
    ),
    ("no-content", "GET", ("x-none", ""), StillPending),
    ("partial", "GET", ("x-none", ""), StillPending),
    ("not-modified", "GET", ("x-none", ""), StillPending),
    ("redirected", "GET", ("x-none", ""), StillPending),
    ("not-found", "GET", ("x-none", ""), StillPending),
    ("handler-error", "GET", ("x-none", ""), StillPending),
    ("body-error", "GET", ("x-none", ""), StillPending),
    ("panics", "GET", ("x-none", ""), StillPending),
    ("disconnected", "GET", ("x-none", ""), StillPending),
];

fn html(status: StatusCode, body: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(ContentType::html())
        .body(body)
}

/// Returns a page in chunks. With `fails` the body ends with an error before the last chunk.
fn chunks(fails: bool) -> HttpResponse {
    let chunks = stream::unfold(0, move |at| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let chunk = PAGE.as_bytes().chunks(20).nth(at)?;
        // The error replaces the last chunk, after the slot has been sent.
        let last = (at + 2) * 20 >= PAGE.len();
        let chunk = match fails && last {
            true => Err(std::io::Error::other("the body fails")),
            false => Ok(Bytes::copy_from_slice(chunk)),
        };
        Some((chunk, at + 1))
    });
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .streaming(chunks)
}

async fn case(request: HttpRequest, messages: Pending) -> actix_web::Result<HttpResponse> {
    Ok(match request.path().trim_start_matches('/') {
        "rendered" => HttpResponse::Ok()
            .content_type(ContentType::html())
            .body(messages.html()),
        "json" => HttpResponse::Ok().json(&messages),
        "counted" => HttpResponse::Ok().body(format!("{} pending", messages.len())),
        _ => return Err(error::ErrorInternalServerError("the handler fails")),
    })
}

async fn page(request: HttpRequest) -> HttpResponse {
    match request.path().trim_start_matches('/') {
        "chunked" | "compressed-stream" => chunks(false),
        // As a proxy does that passes on the length of a page.
        "known-length" => HttpResponse::Ok()
            .content_type(ContentType::html())
            .no_chunking(PAGE.len() as u64)
            .streaming(stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(
                PAGE.as_bytes(),
            ))])),
        "body-error" => chunks(true),
        "unprocessable" => html(StatusCode::UNPROCESSABLE_ENTITY, PAGE),
        "no-slot" => html(StatusCode::OK, "<main>nothing to fill</main>"),
        "empty" => html(StatusCode::OK, ""),
        "no-content" => html(StatusCode::NO_CONTENT, ""),
        "partial" => html(StatusCode::PARTIAL_CONTENT, PAGE),
        "not-modified" => html(StatusCode::NOT_MODIFIED, ""),
        "redirected" => html(StatusCode::SEE_OTHER, PAGE),
        "not-found" => html(StatusCode::NOT_FOUND, PAGE),
        "panics" => panic!("expected panic of the handler"),
        "disconnected" => {
            tokio::time::sleep(Duration::from_millis(100)).await;
            html(StatusCode::OK, PAGE)
        }
        _ => html(StatusCode::OK, PAGE),
    }
}

fn serve(salver: Salver) -> u16 {
    let server = HttpServer::new(move || {
        let mut app = App::new()
            .wrap(salver.middleware().session(visitor))
            .wrap(Compress::default());
        for (path, ..) in CASES {
            let handler = match path {
                "rendered" | "json" | "counted" | "handler-error" => web::route().to(case),
                _ => web::route().to(page),
            };
            app = app.route(&format!("/{path}"), handler);
        }
        app
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    port
}

/// A message is confirmed only if its view is eligible and the complete body was sent.
#[actix_web::test]
async fn only_complete_eligible_responses_confirm_messages() {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let salver = salver(&server.url());
    let port = serve(salver.clone());
    let mut contexts = Vec::new();
    for (path, method, header, expected) in CASES {
        let context = at("ada", path);
        let message = history.message(&context);
        salver.add(&context, message.clone()).await.unwrap();
        history.record_acknowledged(&message);
        request_page(port, path, method, header, &context, &history).await;
        salver.flush().await;
        if expected == Shown {
            assert!(
                pending(&server, std::slice::from_ref(&context)).is_empty(),
                "{path} was not confirmed"
            );
        } else {
            eventually("the claim is released", async || {
                (salver.count(&context).await.unwrap() == 1).then_some(())
            })
            .await;
        }
        contexts.push(context);
    }
    monitor.catch_up(&server);
    let verdict = history.verdict(&pending(&server, &contexts));
    let shown = CASES.iter().filter(|case| case.3 == Shown).count();
    assert_eq!(
        (verdict.received, verdict.pending, verdict.delivered),
        (shown, CASES.len() - shown, 0)
    );
    Row {
        test: "response_bodies",
        verdict,
        more: format!("cases={}", CASES.len()),
        ..Row::default()
    }
    .report();
}

/// Sends the request of a case and records the messages of the response.
async fn request_page(
    port: u16,
    path: &str,
    method: &str,
    header: (&str, &str),
    context: &Context,
    history: &History,
) {
    if path == "disconnected" {
        drop(send_get(port, "/disconnected", "ada").await.unwrap());
        return;
    }
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .gzip(true)
        .build()
        .unwrap();
    let request = client
        .request(
            method.parse().unwrap(),
            format!("http://127.0.0.1:{port}/{path}"),
        )
        .header(VISITOR_HEADER, "ada")
        .header(header.0, header.1);
    // A panic and a failed body close the connection.
    if let Ok(response) = request.send().await {
        let is_delimited = response.headers().contains_key("content-length")
            || response.headers().contains_key("transfer-encoding")
            || matches!(response.status().as_u16(), 204 | 304);
        assert!(is_delimited, "{path}: the end of the body is unknown");
        let Ok(body) = response.text().await else {
            return;
        };
        history.record_received(context, &body);
    }
}
