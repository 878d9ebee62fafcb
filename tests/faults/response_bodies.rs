//! Every way in which a response can end: what counts as shown, and what stays pending.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::middleware::Compress;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, error, web};
use bytes::Bytes;
use futures_util::stream;
use salver::{Context, Pending, Salver};

use super::site::{WHO, ask, visitor};
use super::{pending, salver};
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::redis::Server;
use crate::support::{at, eventually};

const PAGE: &str = "<!doctype html><main><salver-messages></salver-messages></main>";

/// What becomes of the message of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    Shown,
    Pending,
}
use Ends::{Pending as Kept, Shown};

/// A case: its path, which is its name and its view, the request's method and header, and how it ends.
const CASES: [(&str, &str, (&str, &str), Ends); 22] = [
    ("whole", "GET", ("x-none", ""), Shown),
    ("any-method", "POST", ("x-none", ""), Shown),
    ("chunked", "GET", ("x-none", ""), Shown),
    ("compressed", "GET", ("accept-encoding", "gzip"), Shown),
    (
        "compressed-stream",
        "GET",
        ("accept-encoding", "gzip"),
        Shown,
    ),
    ("unprocessable", "POST", ("x-none", ""), Shown),
    ("drawn", "GET", ("x-none", ""), Shown),
    ("json", "GET", ("x-none", ""), Shown),
    ("looked-at", "GET", ("x-none", ""), Kept),
    ("no-slot", "GET", ("x-none", ""), Kept),
    ("empty", "GET", ("x-none", ""), Kept),
    ("head", "HEAD", ("x-none", ""), Kept),
    ("prefetched", "GET", ("sec-purpose", "prefetch"), Kept),
    ("no-content", "GET", ("x-none", ""), Kept),
    ("partial", "GET", ("x-none", ""), Kept),
    ("not-modified", "GET", ("x-none", ""), Kept),
    ("redirected", "GET", ("x-none", ""), Kept),
    ("not-found", "GET", ("x-none", ""), Kept),
    ("errs", "GET", ("x-none", ""), Kept),
    ("breaks", "GET", ("x-none", ""), Kept),
    ("panics", "GET", ("x-none", ""), Kept),
    ("left", "GET", ("x-none", ""), Kept),
];

fn html(status: StatusCode, body: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(ContentType::html())
        .body(body)
}

/// A page in pieces, which ends in an error after some of them if told to.
fn pieces(breaks: bool) -> HttpResponse {
    let pieces = stream::unfold(0, move |at| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let piece = PAGE.as_bytes().chunks(20).nth(at)?;
        // The last piece is withheld: the slot has gone out by then.
        let last = (at + 2) * 20 >= PAGE.len();
        let piece = match breaks && last {
            true => Err(std::io::Error::other("the template breaks")),
            false => Ok(Bytes::copy_from_slice(piece)),
        };
        Some((piece, at + 1))
    });
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .streaming(pieces)
}

async fn case(request: HttpRequest, shown: Pending) -> actix_web::Result<HttpResponse> {
    Ok(match request.path().trim_start_matches('/') {
        "drawn" => HttpResponse::Ok()
            .content_type(ContentType::html())
            .body(shown.html()),
        "json" => HttpResponse::Ok().json(&shown),
        "looked-at" => HttpResponse::Ok().body(format!("{} pending", shown.len())),
        _ => return Err(error::ErrorInternalServerError("the handler errs")),
    })
}

async fn page(request: HttpRequest) -> HttpResponse {
    match request.path().trim_start_matches('/') {
        "chunked" | "compressed-stream" => pieces(false),
        "breaks" => pieces(true),
        "unprocessable" => html(StatusCode::UNPROCESSABLE_ENTITY, PAGE),
        "no-slot" => html(StatusCode::OK, "<main>nothing to fill</main>"),
        "empty" => html(StatusCode::OK, ""),
        "no-content" => html(StatusCode::NO_CONTENT, ""),
        "partial" => html(StatusCode::PARTIAL_CONTENT, PAGE),
        "not-modified" => html(StatusCode::NOT_MODIFIED, ""),
        "redirected" => html(StatusCode::SEE_OTHER, PAGE),
        "not-found" => html(StatusCode::NOT_FOUND, PAGE),
        "panics" => panic!("the handler panics, as it is to"),
        "left" => {
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
                "drawn" | "json" | "looked-at" | "errs" => web::route().to(case),
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

/// Each case is confirmed only when it is an eligible view and all of it was handed over.
#[actix_web::test]
async fn bodies() {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let salver = salver(&server.url());
    let port = serve(salver.clone());
    let mut contexts = Vec::new();
    for (path, method, header, ends) in CASES {
        let context = at("ada", path);
        let message = history.message(&context);
        salver.add(&context, message.clone()).await.unwrap();
        history.acknowledged(&message);
        visit(port, path, method, header, &context, &history).await;
        salver.flush().await;
        if ends == Shown {
            assert!(
                pending(&server, std::slice::from_ref(&context)).is_empty(),
                "{path} was not confirmed"
            );
        } else {
            eventually("what was not shown is given back", async || {
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
        (verdict.received, verdict.pending, verdict.handed),
        (shown, CASES.len() - shown, 0)
    );
    Row {
        test: "bodies",
        verdict,
        more: format!("cases={}", CASES.len()),
        ..Row::default()
    }
    .judge();
}

async fn visit(
    port: u16,
    path: &str,
    method: &str,
    header: (&str, &str),
    context: &Context,
    history: &History,
) {
    if path == "left" {
        drop(ask(port, "/left", "ada").await.unwrap());
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
        .header(WHO, "ada")
        .header(header.0, header.1);
    // A panic and a broken stream end the connection.
    if let Ok(answer) = request.send().await
        && let Ok(body) = answer.text().await
    {
        history.received(context, &body);
    }
}
