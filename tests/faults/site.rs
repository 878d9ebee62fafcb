//! A site on a real socket, and visitors who do not behave.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::ContentType;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::stream;
use salver::{Salver, SessionId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The header that says who asks.
pub const WHO: &str = "x-visitor";

/// Whose request it is: whoever the header says, which a real site must never believe.
pub fn visitor(request: &HttpRequest) -> Option<SessionId> {
    SessionId::new(request.headers().get(WHO)?.to_str().ok()?).ok()
}

/// Pieces of a page that takes its time, the slot in the middle.
const PIECES: [&str; 6] = [
    "<!doctype html><title>Slow</title>",
    "<main>",
    "<salver-messages></salver-messages>",
    "<p>one</p>",
    "<p>two</p>",
    "</main>",
];

/// A running site.
pub struct Site {
    pub port: u16,
    handle: ServerHandle,
}

impl Site {
    /// Serves `/page` whole and `/slow` in pieces, with `pause` between them.
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
        .body(PIECES.concat())
}

async fn slow(pause: Duration) -> HttpResponse {
    let pieces = stream::unfold(PIECES.iter(), move |mut pieces| async move {
        let piece = pieces.next()?;
        tokio::time::sleep(pause).await;
        Some((
            Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())),
            pieces,
        ))
    });
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .streaming(pieces)
}

/// Asks for a page on a connection of its own.
pub async fn ask(port: u16, path: &str, visitor: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\n{WHO}: {visitor}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Reads an answer to its end: the whole of it, head and body. Nothing when it breaks off.
pub async fn read_whole(mut stream: TcpStream) -> Option<String> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8(answer).ok()?;
    answer.contains("</main>").then_some(answer)
}
