//! Messages in an askama template, which renders them itself through the `Pending` extractor.
//!
//! Run it: `cargo run --example askama`, open http://127.0.0.1:8080/, press the button, and reload
//! the page.

use std::env;

use actix_web::{App, HttpResponse, HttpServer, Responder, error, get, post, web::Redirect};
use askama::Template;
use salver::{Message, Messages, Pending, Salver};

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>Icons</title>
<link rel="stylesheet" href="/salver/salver.css">
<body class="salver-page"><main><h1>Icons</h1>
<div class="salver-messages">{% for message in pending %}
  <p class="salver-message salver-{{ message.level() }}">{{ message.text() }}</p>
{% endfor %}
</div><form method="post"><button>Add an icon</button></form>
</main></body></html>"#
)]
struct Icons<'a> {
    pending: &'a Pending,
}

#[get("/")]
async fn icons(pending: Pending) -> actix_web::Result<impl Responder> {
    let page = Icons { pending: &pending }
        .render()
        .map_err(error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page))
}

#[post("/")]
async fn add_icon(messages: Messages) -> Result<impl Responder, salver::Error> {
    messages
        .add_message(Message::success("The icon was added. <b>").tag("icon"))
        .await?;
    Ok(Redirect::to("/").see_other())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let salver = Salver::memory("icons")?;
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(icons)
            .service(add_icon)
    };
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
