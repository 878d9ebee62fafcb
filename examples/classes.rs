//! Messages in the design of Bootstrap or of Tailwind CSS: their classes replace those of Salver's
//! stylesheet.
//!
//! Run it: `npm install --prefix target/npm bootstrap @tailwindcss/browser`, then
//! `cargo run --example classes` or `cargo run --example classes tailwind`, and open
//! http://127.0.0.1:8080/.

use std::{env, fs};

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Redirect};
use actix_web::{App, HttpResponse, HttpServer, Responder, get, post};
use salver::web::{Part, Routes};
use salver::{Level, Message, Messages, Salver};

/// The classes of Bootstrap 5. The close button is that of a dismissible alert, without its script.
pub(crate) fn bootstrap(level: Level, part: Part) -> Option<&'static str> {
    Some(match (part, level) {
        (Part::Message, Level::Error) => "alert alert-danger alert-dismissible mb-0",
        (Part::Message, Level::Warning) => "alert alert-warning alert-dismissible mb-0",
        (Part::Message, Level::Success) => "alert alert-success alert-dismissible mb-0",
        (Part::Message, Level::Debug) => "alert alert-secondary alert-dismissible mb-0",
        (Part::Message, _) => "alert alert-info alert-dismissible mb-0",
        (Part::Level, _) => "fw-semibold",
        (Part::Action, _) => "alert-link",
        (Part::Close, _) => "btn-close",
        (Part::More, _) => "alert alert-light alert-dismissible mb-0",
        _ => return None,
    })
}

/// The classes of Tailwind CSS 4. Let it read this file: `@source "../src/classes.rs"`.
pub(crate) fn tailwind(level: Level, part: Part) -> Option<&'static str> {
    Some(match (part, level) {
        (Part::Message, Level::Error) => {
            "relative rounded-md border-s-4 border-red-700 bg-red-50 p-4 pe-12 text-red-900"
        }
        (Part::Message, Level::Warning) => {
            "relative rounded-md border-s-4 border-amber-700 bg-amber-50 p-4 pe-12 text-amber-900"
        }
        (Part::Message, Level::Success) => {
            "relative rounded-md border-s-4 border-green-700 bg-green-50 p-4 pe-12 text-green-900"
        }
        (Part::Message, Level::Debug) => {
            "relative rounded-md border-s-4 border-gray-600 bg-gray-50 p-4 pe-12 text-gray-900"
        }
        (Part::Message, _) => {
            "relative rounded-md border-s-4 border-blue-700 bg-blue-50 p-4 pe-12 text-blue-900"
        }
        (Part::Level, _) => "font-semibold",
        (Part::Action, _) => "font-semibold underline",
        (Part::Close, _) => {
            "absolute end-3 top-3 size-8 cursor-pointer rounded text-xl before:content-['×'] hover:bg-black/10"
        }
        (Part::More, _) => {
            "relative rounded-md border-s-4 border-gray-400 bg-gray-50 p-4 pe-12 italic text-gray-900"
        }
        _ => return None,
    })
}

/// A page of one design.
struct Design {
    head: String,
    file: String,
    content_type: &'static str,
}

#[get("/")]
async fn page(design: Data<Design>) -> impl Responder {
    let (head, salver) = (&design.head, Routes::default().head_html());
    HttpResponse::Ok().content_type(ContentType::html()).body(format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Classes</title>{salver}{head}</head>
<body><main class="container mx-auto p-4"><salver-messages view="/"></salver-messages>
<form method="post" action="/"><button class="btn btn-primary border p-2">Show all levels</button></form></main></body></html>"#
    ))
}

#[post("/")]
async fn add(messages: Messages) -> Result<impl Responder, salver::Error> {
    for level in Level::ALL {
        let message = Message::new(level, format!("This is how {level} looks."));
        messages.add_message(message).await?;
    }
    Ok(Redirect::to("/").see_other())
}

#[get("/design")]
async fn stylesheet(data: Data<Design>) -> impl Responder {
    HttpResponse::Ok()
        .content_type(data.content_type)
        .body(data.file.clone())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let is_tailwind = env::args()
        .nth(1)
        .is_some_and(|design| design == "tailwind");
    let (path, head, content_type) = match is_tailwind {
        true => (
            "@tailwindcss/browser/dist/index.global.js",
            "<script src=\"/design\"></script>",
            "text/javascript",
        ),
        false => (
            "bootstrap/dist/css/bootstrap.min.css",
            "<link rel=\"stylesheet\" href=\"/design\">",
            "text/css",
        ),
    };
    let path = format!("target/npm/node_modules/{path}");
    let file = fs::read_to_string(&path).map_err(|error| {
        format!("{path}: {error}; `npm install --prefix target/npm bootstrap @tailwindcss/browser`")
    })?;
    let data = Data::new(Design {
        head: head.to_owned(),
        file,
        content_type,
    });
    let salver = Salver::memory("classes")?;
    let app = move || {
        let middleware = match is_tailwind {
            true => salver.middleware().classes(tailwind),
            false => salver.middleware().classes(bootstrap),
        };
        App::new()
            .app_data(Data::clone(&data))
            .wrap(middleware)
            .service(salver.routes())
            .service(page)
            .service(add)
            .service(stylesheet)
    };
    let server = HttpServer::new(app).h1_allow_half_closed(false);
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    Ok(server.bind(address)?.run().await?)
}
