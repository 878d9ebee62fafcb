//! The same small site with actix-web-flash-messages and its cookie store. A message cannot be
//! addressed to a page: the next page shows it.

use actix_web::cookie::Key;
use actix_web::web::{Form, Redirect};
use actix_web::{App, Either, HttpResponse, HttpServer, Responder, get, post};
use actix_web_flash_messages::storage::CookieMessageStore;
use actix_web_flash_messages::{FlashMessage, FlashMessagesFramework, IncomingFlashMessages};
use serde::Deserialize;

const FORM: &str = r#"<form method="post"><input name="name"><button>Save</button></form>"#;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn page(title: &str, messages: &[(String, String)], body: &str) -> HttpResponse {
    let messages: String = messages
        .iter()
        .map(|(level, text)| {
            let role = if level == "error" { "alert" } else { "status" };
            format!(r#"<li class="{level}" role="{role}">{}</li>"#, escape(text))
        })
        .collect();
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("cache-control", "no-store, private"))
        .body(format!(
            "<!doctype html><title>{title}</title><ul>{messages}</ul>{body}"
        ))
}

fn incoming(messages: &IncomingFlashMessages) -> Vec<(String, String)> {
    messages
        .iter()
        .map(|message| (message.level().to_string(), message.content().to_owned()))
        .collect()
}

#[derive(Deserialize)]
struct Profile {
    name: String,
}

#[get("/profile")]
async fn profile(messages: IncomingFlashMessages) -> impl Responder {
    page("Profile", &incoming(&messages), FORM)
}

#[post("/profile")]
async fn save(messages: IncomingFlashMessages, form: Form<Profile>) -> impl Responder {
    if form.name.is_empty() {
        let mut messages = incoming(&messages);
        messages.push(("error".to_owned(), "A name is needed.".to_owned()));
        return Either::Left(page("Profile", &messages, FORM));
    }
    FlashMessage::success(format!("Hello, {}.", form.name)).send();
    FlashMessage::info("Your profile is complete.").send();
    Either::Right(Redirect::to("/profile").see_other())
}

#[get("/home")]
async fn home(messages: IncomingFlashMessages) -> impl Responder {
    page("Home", &incoming(&messages), "")
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = CookieMessageStore::builder(Key::generate()).build();
    let framework = FlashMessagesFramework::builder(store).build();
    let app = move || {
        App::new()
            .wrap(framework.clone())
            .service(profile)
            .service(save)
            .service(home)
    };
    let address = std::env::args().nth(1).unwrap_or_default();
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
