//! Messages on pages that are already open.

mod accessibility;
mod assets;
pub mod client;
mod confirm;
mod cross_origin;
mod harness;
mod pages;
mod stalled_reader;
mod stream;
mod ten_thousand_streams;

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use salver::store::RedisStore;
use salver::{Messages, Salver, SalverBuilder};

use crate::faults::site::visitor;
use crate::support::redis::Server as Redis;
use crate::web::site::{PAGE, html};

/// A running site with the routes of open pages.
pub struct Site {
    pub url: String,
    handle: ServerHandle,
}

impl Site {
    /// Starts one that knows at once when a page has gone.
    pub fn start(salver: &Salver) -> Self {
        Self::start_with(salver, false)
    }

    /// Starts one that finds out by what it writes, as actix-web comes.
    pub fn start_as_actix_comes(salver: &Salver) -> Self {
        Self::start_with(salver, true)
    }

    fn start_with(salver: &Salver, half_closed: bool) -> Self {
        let salver = salver.clone();
        let server = HttpServer::new(move || {
            App::new()
                .wrap(salver.middleware().session(visitor))
                .service(salver.routes())
                .route("/p", web::get().to(|| async { html(PAGE) }))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .h1_allow_half_closed(half_closed);
        let server = server.bind("127.0.0.1:0").unwrap();
        Self::of(server.addrs()[0], server.run())
    }

    /// Starts one whose visitors have cookies, and can log in and out.
    pub fn start_with_cookies(salver: &Salver) -> Self {
        async fn enter(messages: Messages) -> actix_web::Result<&'static str> {
            messages.context("p").await?;
            Ok("in")
        }
        async fn renew(messages: Messages) -> actix_web::Result<&'static str> {
            messages.renew().await?;
            Ok("renewed")
        }
        async fn forget(messages: Messages) -> actix_web::Result<&'static str> {
            messages.close_session().await?;
            Ok("forgotten")
        }
        let salver = salver.clone();
        let server = HttpServer::new(move || {
            App::new()
                .wrap(salver.middleware())
                .service(salver.routes())
                .route("/enter", web::post().to(enter))
                .route("/renew", web::post().to(renew))
                .route("/forget", web::post().to(forget))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        Self::of(server.addrs()[0], server.run())
    }

    fn of(address: SocketAddr, running: Server) -> Self {
        let handle = running.handle();
        actix_web::rt::spawn(running);
        Self {
            url: format!("http://{address}"),
            handle,
        }
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

/// A handle on the embedded store, and one on a server of its own.
fn both(set: impl Fn(SalverBuilder) -> SalverBuilder) -> [(Salver, Option<Redis>); 2] {
    let server = Redis::start();
    let redis = Salver::builder("app").store(RedisStore::new(&server.url()).unwrap());
    [
        (set(Salver::builder("app")).build().unwrap(), None),
        (set(redis).build().unwrap(), Some(server)),
    ]
}

/// Long enough for anything that comes at once.
const SOON: Duration = Duration::from_secs(5);
