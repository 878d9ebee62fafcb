//! Messages on an open page, with maud: what another visitor does to you appears while you look.
//!
//! Run it: `cargo run --example maud`, open http://127.0.0.1:8080/ in two tabs, press the button in one of them: one
//! tab says so, the one that you look at.

use std::env;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, Responder, get, post};
use maud::{DOCTYPE, PreEscaped, html};
use salver::web::Routes;
use salver::{Message, Messages, Salver};

#[get("/")]
async fn desk(messages: Messages) -> Result<impl Responder, salver::Error> {
    // Whoever is to hear of something has to be somebody: this makes the session if there is none.
    messages.context("/").await?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Desk" }
                (PreEscaped(Routes::default().head_html()))
            }
            body {
                main {
                    h1 { "Desk" }
                    salver-messages view="/" {}
                    form method="post" action="/knocks" { button { "Knock" } }
                }
            }
        }
    };
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(page.into_string()))
}

/// Stays on the page: what it adds comes down the page's stream.
#[post("/knocks")]
async fn knock(messages: Messages) -> Result<impl Responder, salver::Error> {
    let knock = Message::info("Somebody is at the door. <b>").tag("knock");
    messages.to("/").add_message(knock).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let salver = Salver::memory("desk")?;
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(desk)
            .service(knock)
    };
    // A page that is left is known to be so at once.
    let server = HttpServer::new(app).h1_allow_half_closed(false);
    Ok(server.bind(address)?.run().await?)
}
