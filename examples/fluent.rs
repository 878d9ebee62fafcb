//! Messages in the visitor's language, with fluent: written once by a handler or a job, drawn when they are shown.
//!
//! Run it: `cargo run --example fluent`, open http://127.0.0.1:8080/ in browsers of several languages: English, Danish, and
//! German, which has no words for one of the two.

use std::env;
use std::rc::Rc;

use actix_web::http::header::{ACCEPT_LANGUAGE, ContentType};
use actix_web::web::Redirect;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, get, post};
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use fluent_langneg::{NegotiationStrategy, accepted_languages, negotiate_languages};
use salver::web::Translation;
use salver::{Message, Messages, Salver};
use unic_langid::LanguageIdentifier;

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Icons</title>\
    <link rel=\"stylesheet\" href=\"/salver/salver.css\"></head><body><main><h1>Icons</h1>\
    <salver-messages></salver-messages><form method=\"post\"><button>Import</button></form></main></body></html>";

/// Texts by language, as they would lie in files.
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
    fn read() -> Result<Self, Box<dyn std::error::Error>> {
        let mut languages = Vec::new();
        for (name, text) in TEXTS {
            let language: LanguageIdentifier = name.parse()?;
            let texts = FluentResource::try_new(text.to_owned())
                .map_err(|(_, errors)| format!("{name}: {errors:?}"))?;
            let mut bundle = FluentBundle::new(vec![language.clone()]);
            // Marks around what is put in, which plain text does not need.
            bundle.set_use_isolating(false);
            bundle
                .add_resource(texts)
                .map_err(|errors| format!("{name}: {errors:?}"))?;
            languages.push((language, Rc::new(bundle)));
        }
        Ok(Self(languages))
    }

    /// Gives that which the visitor would rather read.
    fn of(&self, request: &HttpRequest) -> Option<Rc<Bundle>> {
        let wanted = request.headers().get(ACCEPT_LANGUAGE)?.to_str().ok()?;
        let wanted = accepted_languages::parse(wanted);
        let here: Vec<_> = self.0.iter().map(|(language, _)| language).collect();
        let chosen = negotiate_languages(&wanted, &here, None, NegotiationStrategy::Lookup);
        let chosen = chosen.first()?;
        let found = self.0.iter().find(|(language, _)| language == **chosen);
        found.map(|(_, bundle)| Rc::clone(bundle))
    }
}

/// Says a message in a language, if there are words for it.
fn words(bundle: &Bundle, message: &Message) -> Option<Translation> {
    let found = bundle.get_message(message.get_key()?)?;
    let mut args = FluentArgs::new();
    for (name, value) in message.args() {
        let value = match value.as_f64() {
            Some(number) => FluentValue::from(number),
            None => FluentValue::from(value.as_str()?.to_owned()),
        };
        args.set(name.to_owned(), value);
    }
    let say = |pattern| {
        bundle
            .format_pattern(pattern, Some(&args), &mut Vec::new())
            .into_owned()
    };
    let words = Translation::new(say(found.value()?));
    Some(match found.get_attribute("title") {
        Some(title) => words.title(say(title.value())),
        None => words,
    })
}

#[get("/")]
async fn page() -> impl Responder {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(PAGE)
}

/// Knows no language: the text is for visitors whose language has no words.
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
    // Wrong texts are found at the start: workers cannot say so.
    Languages::read()?;
    let salver = Salver::memory("icons")?;
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let app = move || {
        let languages = Languages::read().unwrap_or(Languages(Vec::new()));
        let middleware = salver.middleware().translate(move |request: &HttpRequest| {
            let bundle = languages.of(request);
            move |message: &Message| words(bundle.as_deref()?, message)
        });
        App::new()
            .wrap(middleware)
            .service(salver.routes())
            .service(page)
            .service(import)
    };
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
