//! A page that replaces parts of itself, with htmx. Each response carries the pending messages of
//! the page.
//!
//! Run it: `npm install --prefix target/npm htmx.org`, then `cargo run --example htmx`, and open
//! http://127.0.0.1:8080/. `HTMX_JS` sets the path of the htmx script, if it is not under
//! `target/npm`.

use std::sync::Mutex;
use std::{env, fs};

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Form, Path};
use actix_web::{App, HttpResponse, HttpServer, Responder, delete, get, post};
use salver::{Messages, Salver};
use serde::Deserialize;

/// The page. The page itself and each later response fill the slot. `aria-live` makes assistive
/// technology announce messages that are added later.
const PAGE: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Icons</title>
<link rel="stylesheet" href="/salver/salver.css"><script src="/htmx.js" defer></script></head>
<body class="salver-page"><main><h1>Icons</h1>
<salver-messages aria-live="polite"></salver-messages>
<form class="salver-card" hx-post="/icons" hx-target="ul#icons" hx-swap="beforeend">
<label>Name <input name="name"></label> <button class="salver-primary">Add</button></form>
<ul id="icons" class="salver-rows salver-card"></ul>
</main></body></html>"#;

/// The names of the icons. The index is the number in the URL.
type Icons = Mutex<Vec<String>>;

fn html(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(body.into())
}

#[get("/")]
async fn page() -> impl Responder {
    html(PAGE)
}

#[derive(Deserialize)]
struct Icon {
    name: String,
}

/// Responds with one list item. The middleware adds the message to the response.
#[post("/icons")]
async fn add(messages: Messages, icon: Form<Icon>, icons: Data<Icons>) -> impl Responder {
    let number = icons.lock().map_or(0, |mut icons| {
        icons.push(icon.name.clone());
        icons.len() - 1
    });
    messages.success(format!("{} was added.", icon.name)).await;
    let name = icon.name.replace('&', "&amp;").replace('<', "&lt;");
    html(format!(
        "<li>{name} <button hx-delete=\"/icons/{number}\" hx-target=\"closest li\" hx-swap=\"delete\">Remove</button></li>"
    ))
}

/// Responds with a comment, because an empty response to htmx 4 carries no messages.
#[delete("/icons/{number}")]
async fn remove(messages: Messages, number: Path<usize>, icons: Data<Icons>) -> impl Responder {
    let name = icons
        .lock()
        .ok()
        .and_then(|icons| icons.get(*number).cloned());
    if let Some(name) = name {
        messages.info(format!("{name} was removed.")).await;
    }
    html("<!-- gone -->")
}

#[get("/htmx.js")]
async fn htmx(script: Data<String>) -> impl Responder {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .body(script.as_ref().clone())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = env::var("HTMX_JS")
        .unwrap_or_else(|_| "target/npm/node_modules/htmx.org/dist/htmx.min.js".to_owned());
    let script = fs::read_to_string(&path)
        .map_err(|error| format!("{path}: {error}; `npm install --prefix target/npm htmx.org`"))?;
    let (script, icons) = (Data::new(script), Data::new(Icons::default()));
    let salver = Salver::memory("icons")?;
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .app_data(script.clone())
            .app_data(icons.clone())
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(page)
            .service(add)
            .service(remove)
            .service(htmx)
    };
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
