//! A site with the routes of the page stream, on a real socket.

use std::net::SocketAddr;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use salver::{Messages, Salver};

use crate::support::fault_site::visitor;
use crate::support::site::{PAGE, html};

/// A running site that serves `salver.routes()`.
pub struct LiveSite {
    pub url: String,
    handle: ServerHandle,
}

impl LiveSite {
    /// Starts a site whose server notices a closed connection immediately.
    pub fn start(salver: &Salver) -> Self {
        Self::start_with(salver, false)
    }

    /// Starts a site with the default of actix-web: the server notices a closed connection at its
    /// next write.
    pub fn start_with_actix_default(salver: &Salver) -> Self {
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
        Self::run(server.addrs()[0], server.run())
    }

    /// Starts a site with cookies, login and logout.
    pub fn start_with_cookies(salver: &Salver) -> Self {
        async fn create_session(messages: Messages) -> actix_web::Result<&'static str> {
            messages.context("p").await?;
            Ok("created")
        }
        async fn renew(messages: Messages) -> actix_web::Result<&'static str> {
            messages.renew().await?;
            Ok("renewed")
        }
        async fn close_session(messages: Messages) -> actix_web::Result<&'static str> {
            messages.close_session().await?;
            Ok("closed")
        }
        let salver = salver.clone();
        let server = HttpServer::new(move || {
            App::new()
                .wrap(salver.middleware())
                .service(salver.routes())
                .route("/session", web::post().to(create_session))
                .route("/renew", web::post().to(renew))
                .route("/close", web::post().to(close_session))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        Self::run(server.addrs()[0], server.run())
    }

    fn run(address: SocketAddr, running: Server) -> Self {
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
