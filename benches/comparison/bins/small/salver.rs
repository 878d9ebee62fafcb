//! A small site with Salver: a form whose messages appear on two different pages.

use actix_web::web::{Form, Redirect};
use actix_web::{App, Either, HttpResponse, HttpServer, Responder, get, post};
use salver::{Message, Messages, Salver};
use serde::Deserialize;

const FORM: &str = r#"<form method="post"><input name="name"><button>Save</button></form>"#;

fn page(title: &str, body: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(format!(
            "<!doctype html><title>{title}</title><salver-messages></salver-messages>{body}"
        ))
}

#[derive(Deserialize)]
struct Profile {
    name: String,
}

#[get("/profile")]
async fn profile() -> impl Responder {
    page("Profile", FORM)
}

#[post("/profile")]
async fn save(messages: Messages, form: Form<Profile>) -> impl Responder {
    if form.name.is_empty() {
        messages.now(Message::error("A name is needed."));
        return Either::Left(page("Profile", FORM));
    }
    messages.success(format!("Hello, {}.", form.name)).await;
    messages.to("home").info("Your profile is complete.").await;
    Either::Right(Redirect::to("/profile").see_other())
}

#[get("/home")]
async fn home() -> impl Responder {
    page("Home", "")
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let salver = Salver::memory("small")?;
    let app = move || {
        App::new()
            .wrap(salver.middleware())
            .service(profile)
            .service(save)
            .service(home)
    };
    let address = std::env::args().nth(1).unwrap_or_default();
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
