//! A complete `App`: sessions, a login, Salver, compression and normalised paths, wrapped in the
//! order that works.
//!
//! Run it: `cargo run --example full_app`, open http://127.0.0.1:8080/, and log in. The password is
//! `icons`.

use std::env;

use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::body::MessageBody;
use actix_web::cookie::Key;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::ContentType;
use actix_web::middleware::{Compress, Next, NormalizePath, from_fn};
use actix_web::web::{Form, Redirect};
use actix_web::{App, Error, HttpResponse, HttpServer, Responder, get, post, web};
use salver::web::{Routes, SessionSource};
use salver::{Messages, Salver};
use serde::Deserialize;

/// Key of the user's name in the session.
const USER: &str = "user";

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

/// Lets only visitors who are logged in through. The others see the message on the login page.
async fn require_login(
    session: Session,
    messages: Messages,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if session.get::<String>(USER)?.is_some() {
        let response = next.call(request).await?;
        return Ok(response.map_into_left_body());
    }
    messages.to("login").warning("Log in first.").await;
    let redirect = HttpResponse::SeeOther()
        .insert_header(("location", "/login"))
        .finish();
    Ok(request.into_response(redirect).map_into_right_body())
}

#[get("/login")]
async fn login_page() -> impl Responder {
    page(
        "Log in",
        r#"<form class="salver-card" method="post">
<label>Name <input name="name" required></label>
<label>Password <input name="password" type="password" required></label>
<button class="salver-primary">Log in</button></form>"#,
    )
}

#[post("/login")]
async fn login(
    form: Form<Login>,
    session: Session,
    messages: Messages,
) -> Result<impl Responder, Error> {
    if form.password != "icons" {
        messages.error("The password is wrong.").await;
        return Ok(Redirect::to("/login").see_other());
    }
    // New ids for both sessions, so that an id from before the login is worth nothing after it.
    session.renew();
    messages.renew().await?;
    session.insert(USER, &form.name)?;
    let welcome = format!("Welcome, {}.", form.name);
    messages.to("orders").success(welcome).await;
    Ok(Redirect::to("/orders").see_other())
}

#[post("/logout")]
async fn logout(session: Session, messages: Messages) -> Result<impl Responder, Error> {
    // Not `purge`: a purged session stores nothing more in this request, and so not the new token of
    // Salver.
    session.clear();
    session.renew();
    // Messages for the user are removed, and jobs that are still running can add no more.
    messages.close_session().await?;
    messages.to("login").info("You are logged out.").await;
    Ok(Redirect::to("/login").see_other())
}

#[get("/")]
async fn home() -> impl Responder {
    Redirect::to("/orders").see_other()
}

#[get("")]
async fn orders() -> impl Responder {
    page(
        "Orders",
        r#"<div class="salver-row"><form method="post"><button class="salver-primary">Order</button></form>
<form method="post" action="/logout"><button id="logout">Log out</button></form></div>"#,
    )
}

#[post("")]
async fn order(messages: Messages) -> impl Responder {
    messages.success("Your order is on its way.").await;
    Redirect::to("/orders").see_other()
}

/// A page of the layout: the stylesheet, the slot, the content.
fn page(title: &str, content: &str) -> HttpResponse {
    let head = Routes::default().head_html();
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(format!(
            r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">{head}
<body class="salver-page"><main><h1>{title}</h1><salver-messages></salver-messages>{content}</main></body></html>"#
        ))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Salver::redis("shop", "redis://127.0.0.1")? shares messages between processes.
    let salver = Salver::memory("shop")?;
    // A site loads its key, so that sessions survive a restart.
    let key = Key::generate();
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key.clone())
            // For plain HTTP on this machine. A site with TLS keeps the default.
            .cookie_secure(false)
            .build();
        // The gate is inside of Salver, because it adds messages. It wraps the pages that need a
        // login and not the whole app, so that a request for a missing icon adds no message.
        let shop = web::scope("/orders")
            .wrap(from_fn(require_login))
            .service(orders)
            .service(order);
        // The last wrap receives a request first, and its response last.
        App::new()
            // Salver keeps its token in the session, so it is inside of the sessions.
            .wrap(salver.middleware().session(SessionSource::actix_session()))
            .wrap(sessions)
            // Salver fills the slot, so the compressor is outside of Salver.
            .wrap(Compress::default())
            // A view is the matched route, so paths are normalised before everything else.
            .wrap(NormalizePath::trim())
            .service(salver.routes())
            .service(login_page)
            .service(login)
            .service(logout)
            .service(home)
            .service(shop)
    };
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
