//! Messages that want to be more than words, in a real Chromium.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, context};
use salver::store::RedisStore;
use salver::{Message, Pending, Salver, fragment};
use serde_json::json;

use super::column;
use super::xss_payloads::payloads;
use crate::support::browser::Browser;
use crate::support::history::Row;
use crate::support::redis::Server;
use crate::support::{at, session};

/// Payloads on one page.
const AT_ONCE: usize = 250;
/// What is shown is the question here, not when.
const PATIENCE: Duration = Duration::from_secs(5);
const SLOT: &str = "<salver-messages></salver-messages>";
const TEMPLATE: &str = "{% for message in messages %}\
    <p title=\"{{ message.text }}\" data-text='{{ message.text }}'>{{ message.text }}</p>\
    {% endfor %}";

/// A place for words in a page: its name, the page that has it, and the message that has the words there.
type Place = (&'static str, &'static str, fn(&str) -> Message);

const PLACES: [Place; 7] = [
    ("text", "slot", |words| Message::info(words)),
    ("title", "slot", |words| Message::info("x").title(words)),
    ("label", "slot", |words| {
        Message::info("x").action(words, "/")
    }),
    ("link", "slot", |words| {
        Message::info("x").action("x", link(words))
    }),
    ("markdown", "slot", |words| Message::info(words).markdown()),
    ("template", "template", |words| Message::info(words)),
    ("script", "script", |words| Message::info(words).data(words)),
];

/// A payload as a link where it can be one, else within one.
fn link(words: &str) -> String {
    let whole = Message::info("x").action("x", words);
    if whole.validate().is_ok() {
        words.to_owned()
    } else {
        format!("/?q={words}")
    }
}

/// Payloads wherever a message has words: none is run, and what is shown is what was written.
#[actix_web::test]
async fn injection() {
    let server = Server::start();
    let site = Site::start(&server);
    let browser = Browser::start().await;
    watch_is_awake(&site, &browser).await;
    let payloads = payloads(column(500, 5_000));
    let (mut shown, mut refused, mut harm) = (0, 0, Harm::default());

    for (name, page, message) in PLACES {
        for words in payloads.chunks(AT_ONCE) {
            let messages = words.iter().map(|words| (words, message(words)));
            let (good, bad): (Vec<_>, Vec<_>) =
                messages.partition(|(_, message)| message.validate().is_ok());
            site.add(page, good.iter().map(|(_, message)| message))
                .await;
            let expected = good.iter().map(|(words, _)| match name {
                "link" => link(words),
                "markdown" => String::new(),
                _ => (*words).clone(),
            });
            let expected: Vec<_> = expected.collect();
            harm.look(&site, &browser, name, page, &expected).await;
            shown += good.len();
            refused += bad.len();
        }
    }
    // Nobody has checked what is given to `fragment`.
    for words in payloads.chunks(AT_ONCE) {
        let message = |words: &String| Message::info("x").tag(words).action("x", words);
        *site.unchecked.lock().unwrap() = words.iter().map(message).collect();
        let as_parsed = |words: &String| words.replace('\0', "\u{fffd}");
        let expected: Vec<_> = words.iter().map(as_parsed).collect();
        harm.look(&site, &browser, "tag", "unchecked", &expected)
            .await;
    }

    browser.quit().await;
    let mut row = Row {
        test: "injection",
        ..Row::default()
    };
    row.verdict.n = payloads.len();
    row.more = format!(
        "places={} shown={shown} refused={refused} executions={} openings={} altered={} strays={}",
        PLACES.len() + 1,
        harm.executions,
        harm.openings,
        harm.altered,
        harm.strays
    );
    println!("{row}");
    assert_eq!(harm, Harm::default());
    assert!(shown * 5 >= (shown + refused) * 4, "too many are refused");
}

/// What payloads did.
#[derive(Debug, Default, PartialEq)]
struct Harm {
    /// Dialogs, markers, events of elements that nobody wrote.
    executions: usize,
    /// Elements, attributes and links through which something could run once somebody clicked.
    openings: usize,
    /// Words that are shown as others.
    altered: usize,
    /// Requests for what no page has.
    strays: usize,
}

impl Harm {
    /// Opens a page that is to show this and nothing else.
    async fn look(
        &mut self,
        site: &Site,
        browser: &Browser,
        place: &str,
        page: &str,
        expected: &[String],
    ) {
        browser.open(&format!("{}/{page}", site.url)).await;
        let script = format!("const kind = '{place}'; {}", include_str!("inspect.js"));
        let seen = browser.run(&script).await;
        for (what, count) in [
            ("fired", &mut self.executions),
            ("openings", &mut self.openings),
        ] {
            let found = seen[what].as_array().unwrap();
            *count += found.len();
            if let Some(first) = found.first() {
                println!("{place} {what}: {first}");
            }
        }
        let shown = seen["shown"].as_array().unwrap();
        self.altered += shown.len().abs_diff(expected.len());
        for (shown, expected) in shown.iter().zip(expected) {
            if shown != expected {
                self.altered += 1;
                println!("{place} shows {shown} for {expected:?}");
            }
        }
        self.executions += usize::from(seen["place"] != format!("/{page}"));
        self.strays += site.strays.swap(0, Ordering::SeqCst);
    }
}

/// What is let into a page as it is runs, and is seen: with open eyes nothing may be seen later.
async fn watch_is_awake(site: &Site, browser: &Browser) {
    browser.open(&format!("{}/hole", site.url)).await;
    let fired = browser.run("return window.fired;").await;
    assert_eq!(fired, json!(["pwned", "error img", "alert"]));
    assert_eq!(site.strays.swap(0, Ordering::SeqCst), 1);
}

/// A site in this process, on Redis.
struct Site {
    url: String,
    salver: Salver,
    /// What is drawn without having been checked.
    unchecked: Arc<Mutex<Vec<Message>>>,
    /// Requests for what no page has.
    strays: Arc<AtomicUsize>,
}

impl Site {
    fn start(server: &Server) -> Self {
        let store = RedisStore::new(&server.url()).unwrap();
        let salver = Salver::builder("app")
            .store(store)
            .max_messages(AT_ONCE)
            .call_timeout(PATIENCE)
            .page_timeout(PATIENCE);
        let mut site = Self {
            url: String::new(),
            salver: salver.build().unwrap(),
            unchecked: Arc::default(),
            strays: Arc::default(),
        };
        site.url = site.serve();
        site
    }

    fn serve(&self) -> String {
        let (salver, unchecked) = (self.salver.clone(), self.unchecked.clone());
        let strays = self.strays.clone();
        let server = HttpServer::new(move || {
            let (unchecked, strays) = (unchecked.clone(), strays.clone());
            let hole = "<script>pwned=1</script><img src=x onerror=alert(1)>";
            let unchecked = move || {
                let drawn = fragment(&unchecked.lock().unwrap(), 0);
                async move { page(&drawn) }
            };
            let stray = move || {
                strays.fetch_add(1, Ordering::SeqCst);
                HttpResponse::NotFound()
            };
            App::new()
                .wrap(salver.middleware().session(|_: &_| Some(session("ada"))))
                .route("/hole", web::get().to(async move || page(hole)))
                .route("/slot", web::get().to(async || page(SLOT)))
                .route("/template", web::get().to(template))
                .route("/script", web::get().to(script))
                .route("/unchecked", web::get().to(unchecked))
                .default_service(web::to(stray))
        });
        let server = server.workers(1).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        url
    }

    async fn add(&self, page: &str, messages: impl Iterator<Item = &Message>) {
        let context = at("ada", page);
        for message in messages {
            self.salver.add(&context, message.clone()).await.unwrap();
        }
    }
}

fn page(content: &str) -> HttpResponse {
    let watch = include_str!("watch.js");
    let body = format!(
        "<!doctype html><title>Page</title><link rel=icon href=data:,>\
         <script>{watch}</script><main>{content}</main>"
    );
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(body)
}

/// Draws messages as minijinja does.
async fn template(pending: Pending) -> HttpResponse {
    let mut templates = Environment::new();
    templates.add_template("page.html", TEMPLATE).unwrap();
    let messages = Value::from(Serde(&pending));
    let template = templates.get_template("page.html").unwrap();
    page(&template.render(context! { messages }).unwrap())
}

/// Gives messages to scripts, as data and as an expression.
async fn script(pending: Pending) -> HttpResponse {
    let json = pending.json();
    page(&format!(
        "<script type=application/json id=messages>{json}</script><script>const live = {json};</script>"
    ))
}
