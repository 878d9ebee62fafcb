//! Messages in a minijinja template: `Pending` is serialised into the template's context.
//!
//! Run it: `cargo run --example minijinja`, open http://127.0.0.1:8080/, press the button, and
//! reload the page.

use std::env;

use actix_web::{App, HttpResponse, HttpServer, Responder, error, get, post, web, web::Redirect};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, context};
use salver::{Message, Messages, Pending, Salver};

const ICONS: &str = r#"<!doctype html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>Icons</title>
<link rel="stylesheet" href="/salver/salver.css">
<body class="salver-page"><main><h1>Icons</h1>
<div class="salver-messages">{% for message in messages %}
  <p class="salver-message salver-{{ message.level }}">{% if message.title %}<b>{{ message.title }}</b> {% endif %}{{ message.text }}</p>
{% endfor %}
</div><form method="post"><button>Add an icon</button></form>
</main></body></html>"#;

#[get("/")]
async fn icons(
    templates: web::Data<Environment<'static>>,
    pending: Pending,
) -> actix_web::Result<impl Responder> {
    let messages = Value::from(Serde(&pending));
    let page = templates
        .get_template("icons.html")
        .and_then(|template| template.render(context! { messages }))
        .map_err(error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page))
}

#[post("/")]
async fn add_icon(messages: Messages) -> Result<impl Responder, salver::Error> {
    messages
        .add_message(Message::success("It was added. <b>").title("Icon"))
        .await?;
    Ok(Redirect::to("/").see_other())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let salver = Salver::memory("icons")?;
    let mut templates = Environment::new();
    templates.add_template("icons.html", ICONS)?;
    let templates = web::Data::new(templates);
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .app_data(templates.clone())
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(icons)
            .service(add_icon)
    };
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
