//! Messages in the visitor's language, with fluent. A handler or a job adds a message with a
//! translation key; the message is translated when it is shown.
//!
//! Run it: `cargo run --example fluent`, open http://127.0.0.1:8080/ in browsers with different
//! languages: English, Danish, and German, which lacks a translation for one of the two messages.

use std::env;
use std::rc::Rc;

use actix_web::http::header::{ACCEPT_LANGUAGE, ContentType};
use actix_web::web::Redirect;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, get, post};
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use fluent_langneg::{NegotiationStrategy, accepted_languages, negotiate_languages};
use salver::Translation;
use salver::{Message, Messages, Salver};
use unic_langid::LanguageIdentifier;

const PAGE: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Icons</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/salver/salver.css"></head>
<body class="salver-page"><main><h1>Icons</h1><salver-messages></salver-messages>
<form method="post"><button>Import</button></form></main></body></html>"#;

/// The translations of each language. A real site keeps them in files.
const TEXTS: [(&str, &str); 3] = [
    (
        "en",
        "import-done = { $count ->\n    [one] One icon is ready.\n   *[other] { $count } icons are ready.\n }\n    .title = Import\n\
         salver-more = and { $count } more\n",
    ),
    (
        "da",
        "import-done = { $count ->\n    [one] Et ikon er klar.\n   *[other] { $count } ikoner er klar.\n }\n    .title = Import\n\
         plan-ends = Dit abonnement udløber snart.\nsalver-more = og { $count } til\n",
    ),
    ("de", "import-done = { $count } Symbole sind bereit.\n"),
];

type Bundle = FluentBundle<FluentResource>;

/// The languages of the site.
struct Languages(Vec<(LanguageIdentifier, Rc<Bundle>)>);

impl Languages {
    fn parse() -> Result<Self, Box<dyn std::error::Error>> {
        let mut languages = Vec::new();
        for (name, text) in TEXTS {
            let language: LanguageIdentifier = name.parse()?;
            let texts = FluentResource::try_new(text.to_owned())
                .map_err(|(_, errors)| format!("{name}: {errors:?}"))?;
            let mut bundle = FluentBundle::new(vec![language.clone()]);
            // Inserts arguments without Unicode isolation characters.
            bundle.set_use_isolating(false);
            bundle
                .add_resource(texts)
                .map_err(|errors| format!("{name}: {errors:?}"))?;
            languages.push((language, Rc::new(bundle)));
        }
        Ok(Self(languages))
    }

    /// Returns the translations in the best language for the visitor.
    fn negotiate(&self, request: &HttpRequest) -> Option<Rc<Bundle>> {
        let accepted = request.headers().get(ACCEPT_LANGUAGE)?.to_str().ok()?;
        let accepted = accepted_languages::parse(accepted);
        let available: Vec<_> = self.0.iter().map(|(language, _)| language).collect();
        let best = negotiate_languages(&accepted, &available, None, NegotiationStrategy::Lookup);
        let best = best.first()?;
        let entry = self.0.iter().find(|(language, _)| language == **best);
        entry.map(|(_, bundle)| Rc::clone(bundle))
    }
}

/// Translates a message, or returns `None` if the language has no translation for its key. The
/// message is then shown with its own text.
fn translate(bundle: &Bundle, message: &Message) -> Option<Translation> {
    let entry = bundle.get_message(message.get_key()?)?;
    let mut args = FluentArgs::new();
    for (name, value) in message.args() {
        let value = match value.as_f64() {
            Some(number) => FluentValue::from(number),
            None => FluentValue::from(value.as_str()?.to_owned()),
        };
        args.set(name.to_owned(), value);
    }
    let format = |pattern| {
        bundle
            .format_pattern(pattern, Some(&args), &mut Vec::new())
            .into_owned()
    };
    let translation = Translation::new(format(entry.value()?));
    Some(match entry.get_attribute("title") {
        Some(title) => translation.title(format(title.value())),
        None => translation,
    })
}

#[get("/")]
async fn page() -> impl Responder {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(PAGE)
}

/// Adds two messages with keys. Their English texts are for languages without a translation.
#[post("/")]
async fn import(messages: Messages) -> Result<impl Responder, salver::Error> {
    let done = Message::success("120 icons are ready.").title("Import");
    messages
        .add_message(done.key("import-done").arg("count", 120))
        .await?;
    let ends = Message::warning("Your plan ends soon.").key("plan-ends");
    messages.add_message(ends).await?;
    Ok(Redirect::to("/").see_other())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Reports invalid translations at startup, because the app factory cannot return an error.
    Languages::parse()?;
    let salver = Salver::memory("icons")?;
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        let languages = Languages::parse().unwrap_or(Languages(Vec::new()));
        let middleware = salver.middleware().translate(move |request: &HttpRequest| {
            let bundle = languages.negotiate(request);
            move |message: &Message| translate(bundle.as_deref()?, message)
        });
        App::new()
            .wrap(middleware)
            .service(salver.routes())
            .service(page)
            .service(import)
    };
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
