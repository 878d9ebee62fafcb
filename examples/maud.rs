//! Messages on an open page, with maud: a request adds a message, and the page shows it without a
//! reload.
//!
//! Run it: `cargo run --example maud`, open http://127.0.0.1:8080/ in two tabs, and press the
//! button in one of them. The visible tab shows the message.

use std::env;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, Responder, get, post};
use maud::{DOCTYPE, PreEscaped, html};
use salver::web::Routes;
use salver::{Message, Messages, Salver};

#[get("/")]
async fn door(messages: Messages) -> Result<impl Responder, salver::Error> {
    // Creates a session if the visitor has none, because a stream requires one.
    messages.context("/").await?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Door" }
                (PreEscaped(Routes::default().head_html()))
            }
            body class="salver-page" {
                main {
                    h1 { "Door" }
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

/// Responds without a new page. The open page receives the message through its stream.
#[post("/knocks")]
async fn knock(messages: Messages) -> Result<impl Responder, salver::Error> {
    let knock = Message::info("A visitor is at the door. <b>").tag("knock");
    messages.to("/").add_message(knock).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let salver = Salver::memory("door")?;
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(door)
            .service(knock)
    };
    // Ends the stream of a page immediately when the browser closes the connection.
    let server = HttpServer::new(app).h1_allow_half_closed(false);
    Ok(server.bind(address)?.run().await?)
}
