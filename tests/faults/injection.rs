//! Messages with script payloads, rendered in a real Chromium.

use std::collections::HashSet;
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

use crate::support::browser::Browser;
use crate::support::history::Row;
use crate::support::profile::by_profile;
use crate::support::redis::Server;
use crate::support::xss_payloads::payloads;
use crate::support::{at, session};

/// Number of payloads on one page.
const PAGE_SIZE: usize = 250;
/// Far above the defaults: this test is about content, not about time.
const TIMEOUT: Duration = Duration::from_secs(5);
const SLOT: &str = "<salver-messages></salver-messages>";
const TEMPLATE: &str = "{% for message in messages %}\
    <p title=\"{{ message.text }}\" data-text='{{ message.text }}'>{{ message.text }}</p>\
    {% endfor %}";

/// A place for a payload in a page: its name, the path of the page, and a function that creates a
/// message with the payload in that place.
type PayloadPlace = (&'static str, &'static str, fn(&str) -> Message);

const PAYLOAD_PLACES: [PayloadPlace; 7] = [
    ("text", "slot", |payload| Message::info(payload)),
    ("title", "slot", |payload| Message::info("x").title(payload)),
    ("label", "slot", |payload| {
        Message::info("x").action(payload, "/")
    }),
    ("link", "slot", |payload| {
        Message::info("x").action("x", link(payload))
    }),
    ("markdown", "slot", |payload| {
        Message::info(payload).markdown()
    }),
    ("template", "template", |payload| Message::info(payload)),
    ("script", "script", |payload| {
        Message::info(payload).data(payload)
    }),
];

/// Returns the payload itself if it is a valid link, else a link that contains it.
fn link(payload: &str) -> String {
    let message = Message::info("x").action("x", payload);
    if message.validate().is_ok() {
        payload.to_owned()
    } else {
        format!("/?q={payload}")
    }
}

/// Puts payloads in every place of a message. None is executed, and every rendered text equals the
/// payload.
#[actix_web::test]
async fn injected_payloads_never_execute() {
    let server = Server::start();
    let site = InjectionSite::start(&server);
    let browser = Browser::start().await;
    assert_injection_is_detected(&site, &browser).await;
    let payloads = payloads(by_profile(500, 5_000));
    let (mut rendered, mut rejected, mut findings) = (0, 0, Findings::default());

    for (name, page, message) in PAYLOAD_PLACES {
        for chunk in payloads.chunks(PAGE_SIZE) {
            let messages = chunk.iter().map(|payload| (payload, message(payload)));
            let (valid, invalid): (Vec<_>, Vec<_>) =
                messages.partition(|(_, message)| message.validate().is_ok());
            site.add(page, valid.iter().map(|(_, message)| message))
                .await;
            let expected = valid.iter().map(|(payload, _)| match name {
                "link" => link(payload),
                "markdown" => String::new(),
                _ => (*payload).clone(),
            });
            let expected: Vec<_> = expected.collect();
            findings.check(&site, &browser, name, page, &expected).await;
            rendered += valid.len();
            rejected += invalid.len();
        }
    }
    // `fragment` renders messages that were not validated.
    for chunk in payloads.chunks(PAGE_SIZE) {
        let message = |payload: &String| Message::info("x").tag(payload).action("x", payload);
        *site.unchecked.lock().unwrap() = chunk.iter().map(message).collect();
        let as_parsed = |payload: &String| payload.replace('\0', "\u{fffd}");
        let expected: Vec<_> = chunk.iter().map(as_parsed).collect();
        findings
            .check(&site, &browser, "tag", "unchecked", &expected)
            .await;
    }

    browser.quit().await;
    let mut row = Row {
        test: "injection",
        ..Row::default()
    };
    row.verdict.n = payloads.len();
    row.more = format!(
        "places={} rendered={rendered} rejected={rejected} executions={} injected_elements={} altered={} unexpected_requests={}",
        PAYLOAD_PLACES.len() + 1,
        findings.executions,
        findings.injected_elements,
        findings.altered,
        findings.unexpected_requests
    );
    println!("{row}");
    assert_eq!(findings, Findings::default());
    assert!(
        rendered * 5 >= (rendered + rejected) * 4,
        "validation rejects too many payloads"
    );
}

/// The number of deviations from a page with plain text.
#[derive(Debug, Default, PartialEq)]
struct Findings {
    /// Dialogs, markers, and events of elements that the page does not contain.
    executions: usize,
    /// Elements, attributes and links that could run a script, possibly after a click.
    injected_elements: usize,
    /// Texts that differ from the payload.
    altered: usize,
    /// Requests for paths that no page links to.
    unexpected_requests: usize,
}

impl Findings {
    /// Opens a page and compares its rendered texts with `expected`.
    async fn check(
        &mut self,
        site: &InjectionSite,
        browser: &Browser,
        place: &str,
        page: &str,
        expected: &[String],
    ) {
        browser.open(&format!("{}/{page}", site.url)).await;
        let script = format!("const kind = '{place}'; {}", include_str!("inspect.js"));
        let report = browser.run(&script).await;
        for (kind, count) in [
            ("fired", &mut self.executions),
            ("injected", &mut self.injected_elements),
        ] {
            let found = report[kind].as_array().unwrap();
            *count += found.len();
            if let Some(first) = found.first() {
                println!("{place} {kind}: {first}");
            }
        }
        let rendered = report["rendered"].as_array().unwrap();
        self.altered += rendered.len().abs_diff(expected.len());
        for (rendered, expected) in rendered.iter().zip(expected) {
            if rendered != expected {
                self.altered += 1;
                println!("{place} renders {rendered} for {expected:?}");
            }
        }
        self.executions += usize::from(report["path"] != format!("/{page}"));
        self.unexpected_requests += site.unexpected_requests.swap(0, Ordering::SeqCst);
    }
}

/// Opens a page with unescaped markup and checks that the script in it runs and is detected.
/// Otherwise the absence of findings would prove nothing.
async fn assert_injection_is_detected(site: &InjectionSite, browser: &Browser) {
    browser.open(&format!("{}/unescaped", site.url)).await;
    let fired = browser.run("return window.fired;").await;
    assert_eq!(fired, json!(["pwned", "error img", "alert"]));
    assert_eq!(site.unexpected_requests.swap(0, Ordering::SeqCst), 1);
}

/// A site in this process, on Redis.
struct InjectionSite {
    url: String,
    salver: Salver,
    /// Messages that are rendered without validation.
    unchecked: Arc<Mutex<Vec<Message>>>,
    /// Number of requests for paths that no page links to.
    unexpected_requests: Arc<AtomicUsize>,
}

impl InjectionSite {
    fn start(server: &Server) -> Self {
        let store = RedisStore::new(&server.url()).unwrap();
        let salver = Salver::builder("app")
            .store(store)
            .max_messages(PAGE_SIZE)
            .call_timeout(TIMEOUT)
            .page_timeout(TIMEOUT);
        let mut site = Self {
            url: String::new(),
            salver: salver.build().unwrap(),
            unchecked: Arc::default(),
            unexpected_requests: Arc::default(),
        };
        site.url = site.serve();
        site
    }

    fn serve(&self) -> String {
        let (salver, unchecked) = (self.salver.clone(), self.unchecked.clone());
        let unexpected_requests = self.unexpected_requests.clone();
        let server = HttpServer::new(move || {
            let (unchecked, unexpected_requests) = (unchecked.clone(), unexpected_requests.clone());
            let unescaped = "<script>pwned=1</script><img src=x onerror=alert(1)>";
            let unchecked = move || {
                let rendered = fragment(&unchecked.lock().unwrap(), 0);
                async move { page(&rendered) }
            };
            let not_found = move || {
                unexpected_requests.fetch_add(1, Ordering::SeqCst);
                HttpResponse::NotFound()
            };
            App::new()
                .wrap(salver.middleware().session(|_: &_| Some(session("ada"))))
                .route("/unescaped", web::get().to(async move || page(unescaped)))
                .route("/slot", web::get().to(async || page(SLOT)))
                .route("/template", web::get().to(template))
                .route("/script", web::get().to(script))
                .route("/unchecked", web::get().to(unchecked))
                .default_service(web::to(not_found))
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

/// Renders messages with minijinja.
async fn template(pending: Pending) -> HttpResponse {
    let mut templates = Environment::new();
    templates.add_template("page.html", TEMPLATE).unwrap();
    let messages = Value::from(Serde(&pending));
    let template = templates.get_template("page.html").unwrap();
    page(&template.render(context! { messages }).unwrap())
}

/// Embeds messages in scripts, as JSON data and as an expression.
async fn script(pending: Pending) -> HttpResponse {
    let json = pending.json();
    page(&format!(
        "<script type=application/json id=messages>{json}</script><script>const live = {json};</script>"
    ))
}

#[test]
fn payloads_are_distinct() {
    let payloads = payloads(20_000);
    assert_eq!(payloads.iter().collect::<HashSet<_>>().len(), 20_000);
}
