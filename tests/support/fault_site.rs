//! A site on a real socket, and a minimal HTTP client whose connections a test can break.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::ContentType;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::stream;
use salver::{Salver, SessionId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Request header that contains the session id.
pub const VISITOR_HEADER: &str = "x-visitor";

/// Returns the session of a request, read from [`VISITOR_HEADER`]. A real site must never trust
/// such a header.
pub fn visitor(request: &HttpRequest) -> Option<SessionId> {
    SessionId::new(request.headers().get(VISITOR_HEADER)?.to_str().ok()?).ok()
}

/// The chunks of a slow page. The slot is in the middle.
const CHUNKS: [&str; 6] = [
    "<!doctype html><title>Slow</title>",
    "<main>",
    "<salver-messages></salver-messages>",
    "<p>one</p>",
    "<p>two</p>",
    "</main>",
];

/// A running site with two workers.
pub struct FaultSite {
    pub port: u16,
    handle: ServerHandle,
}

impl FaultSite {
    /// Starts a site that serves `/page` as one body and `/slow` in chunks, with `pause` before
    /// each.
    pub fn start(salver: Salver, pause: Duration) -> Self {
        let server = HttpServer::new(move || {
            App::new()
                .wrap(salver.middleware().session(visitor))
                .route("/page", web::get().to(page))
                .route("/slow", web::get().to(move || slow(pause)))
        });
        let server = server
            .workers(2)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let port = server.addrs()[0].port();
        let running = server.run();
        let handle = running.handle();
        actix_web::rt::spawn(running);
        Self { port, handle }
    }

    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(CHUNKS.concat())
}

async fn slow(pause: Duration) -> HttpResponse {
    let chunks = stream::unfold(CHUNKS.iter(), move |mut chunks| async move {
        let chunk = chunks.next()?;
        tokio::time::sleep(pause).await;
        Some((
            Ok::<_, std::io::Error>(Bytes::from_static(chunk.as_bytes())),
            chunks,
        ))
    });
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .streaming(chunks)
}

/// Sends a GET request on a new connection.
pub async fn send_get(port: u16, path: &str, visitor: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\n{VISITOR_HEADER}: {visitor}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Reads a response to its end: head and body. Returns `None` if the response is incomplete.
pub async fn read_response(mut stream: TcpStream) -> Option<String> {
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.ok()?;
    let response = String::from_utf8(response).ok()?;
    response.contains("</main>").then_some(response)
}
