//! Messages on an open page, with a tera layout: a job finishes, and the page shows its message
//! without a reload.
//!
//! Run it: `cargo run --example tera`, open http://127.0.0.1:8080/, press the button, and wait.

use std::env;
use std::time::Duration;

use actix_web::web::{self, Data, Redirect};
use actix_web::{App, HttpResponse, HttpServer, Responder, error, get, post, rt};
use salver::web::Routes;
use salver::{Message, Messages, Salver};
use tera::{Context, Tera};

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{ title }}</title>{{ head | safe }}</head>
<body class="salver-page"><main>
<h1>{{ title }}</h1>
<salver-messages view="{{ view }}"></salver-messages>
<form method="post" action="/exports"><button>Export the icons</button></form>
</main></body>
</html>"#;

#[get("/exports")]
async fn exports(tera: Data<Tera>) -> actix_web::Result<impl Responder> {
    let mut page = Context::new();
    page.insert("title", "Exports");
    page.insert("view", "exports");
    page.insert("head", &Routes::default().head_html());
    let page = tera
        .render("page.html", &page)
        .map_err(error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page))
}

#[post("/exports")]
async fn export(salver: Salver, messages: Messages) -> actix_web::Result<impl Responder> {
    let context = messages.context("exports").await?;
    rt::spawn(async move {
        rt::time::sleep(Duration::from_secs(1)).await;
        let ready = Message::success("The icons are exported. <b>").title("Ready");
        if let Err(error) = salver.add(&context, ready).await {
            eprintln!("could not add the message of the export: {error}");
        }
    });
    Ok(Redirect::to("/exports").see_other())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let salver = Salver::memory("icons")?;
    let mut tera = Tera::default();
    tera.add_raw_template("page.html", PAGE)?;
    let tera = Data::new(tera);
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        App::new()
            .app_data(Data::clone(&tera))
            .wrap(salver.middleware())
            .service(salver.routes())
            .service(web::redirect("/", "/exports"))
            .service(exports)
            .service(export)
    };
    // Ends the stream of a page immediately when the browser closes the connection.
    let server = HttpServer::new(app).h1_allow_half_closed(false);
    Ok(server.bind(address)?.run().await?)
}
