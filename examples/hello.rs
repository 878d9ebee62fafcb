//! A minimal site: a form adds a message, and the next page shows it once.
//!
//! Run it: `cargo run --example hello`, open http://127.0.0.1:8080/settings, press the button, and
//! reload the page.

use std::env;

use actix_web::{App, HttpResponse, HttpServer, Responder, get, post, web::Redirect};
use salver::{Messages, Salver};

#[post("/settings")]
async fn save(messages: Messages) -> impl Responder {
    messages
        .success("Your settings have been changed successfully.")
        .await;
    Redirect::to("/settings").see_other()
}

#[get("/settings")]
async fn settings() -> impl Responder {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(
            r#"<!doctype html><meta name="viewport" content="width=device-width"><title>Settings</title>
        <link rel="stylesheet" href="/salver/salver.css">
        <body class="salver-page"><main><salver-messages></salver-messages>
        <form method="post"><button>Save</button></form>"#,
        )
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Salver::redis("hello", "redis://127.0.0.1")? shares messages between processes.
    let salver = Salver::memory("hello")?;
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(save)
            .service(settings)
    };
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
