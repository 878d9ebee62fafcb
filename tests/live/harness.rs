//! A site whose pages report the messages that they show, a job, and a browser.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data, Path};
use actix_web::{App, HttpResponse, HttpServer};
use salver::store::RedisStore;
use salver::{Message, Messages, Salver};
use serde::Deserialize;

use crate::support::browser::Browser;
use crate::support::processes::free_port;
use crate::support::redis::Server;
use crate::support::site::html;
use crate::support::{at, eventually, session};

/// The views of the pages.
pub const VIEWS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// An event that a page reports: `page`, `shown` or `painted`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PageEvent {
    pub tab: String,
    pub kind: String,
    pub id: String,
    pub text: String,
    pub at: f64,
    pub persisted: bool,
}

/// The events of all pages.
pub type PageEvents = Arc<Mutex<Vec<PageEvent>>>;

/// The number of saved forms.
type SavedForms = Arc<AtomicUsize>;

/// A Redis server, a site and a job that use it, and a browser that opens the site.
pub struct Harness {
    pub redis: Server,
    pub browser: Browser,
    /// A handle with its own connections, like that of another process.
    pub job: Salver,
    pub events: PageEvents,
    port: u16,
    lease: Duration,
    confirm_in_browser: bool,
    site: ServerHandle,
    added: usize,
    saved: SavedForms,
}

impl Harness {
    pub async fn start(lease: Duration) -> Self {
        Self::start_with(lease, false).await
    }

    pub async fn start_with(lease: Duration, confirm_in_browser: bool) -> Self {
        let redis = Server::start();
        let job = Salver::new("app", RedisStore::new(&redis.url()).unwrap()).unwrap();
        let (port, events) = (free_port(), PageEvents::default());
        let saved = SavedForms::default();
        let site = serve(&redis, port, lease, confirm_in_browser, &events, &saved);
        let browser = Browser::start().await;
        Self {
            redis,
            browser,
            job,
            events,
            port,
            lease,
            confirm_in_browser,
            site,
            added: 0,
            saved,
        }
    }

    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Opens the page of a view, and waits for its stream.
    pub async fn open(&self, view: &str) {
        self.browser.open(&self.at(view)).await;
        self.wait_for_stream().await;
    }

    /// Waits until a tab of the browser holds the lock of the stream.
    pub async fn wait_for_stream(&self) {
        self.browser.wait_for_stream().await;
    }

    pub async fn stop_site(&self) {
        self.site.stop(false).await;
    }

    pub fn start_site(&mut self) {
        let Self {
            redis,
            port,
            lease,
            confirm_in_browser,
            events,
            saved,
            ..
        } = self;
        self.site = serve(redis, *port, *lease, *confirm_in_browser, events, saved);
    }

    /// Adds a message to a view, as a job does. Returns its id, and the time before the add.
    pub async fn add(&mut self, view: &str) -> (String, f64) {
        self.add_message(view, Message::info).await
    }

    /// Adds a message that stays until the visitor closes it.
    pub async fn add_error(&mut self, view: &str) -> (String, f64) {
        self.add_message(view, Message::error).await
    }

    async fn add_message(&mut self, view: &str, create: fn(String) -> Message) -> (String, f64) {
        let message = create(format!("message {}", self.added));
        self.added += 1;
        let (id, started_at) = (message.id().to_string(), now());
        let context = at("ada", view);
        let add = async || self.job.add(&context, message.clone()).await.ok();
        eventually("the store accepts a message", add).await;
        (id, started_at)
    }

    /// Waits for an event of a message, and returns it.
    pub async fn wait_for(&self, kind: &str, id: &str) -> PageEvent {
        let find = || {
            let events = self.events.lock().unwrap();
            let event = events
                .iter()
                .find(|event| event.kind == kind && event.id == id);
            event.cloned()
        };
        eventually(&format!("{kind} {id}"), async || find()).await
    }

    /// Returns how often each message was shown, over all tabs.
    pub fn shown(&self) -> BTreeMap<String, usize> {
        let mut shown = BTreeMap::new();
        for event in self.events.lock().unwrap().iter() {
            if event.kind == "shown" {
                *shown.entry(event.id.clone()).or_default() += 1;
            }
        }
        shown
    }

    /// Returns the number of added messages: those of the job, and those of forms.
    pub fn expected(&self) -> usize {
        self.added + self.saved.load(Ordering::SeqCst)
    }

    /// Prints the figures of a scenario, and asserts that each message was shown once.
    pub fn assert_each_shown_once(&self, scenario: &str) {
        let (shown, expected) = (self.shown(), self.expected());
        let duplicates = shown.values().filter(|times| **times > 1).count();
        let lost = expected - shown.len().min(expected);
        println!(
            "LIVE {scenario} shown={} expected={expected} duplicates={duplicates} lost={lost}",
            shown.len()
        );
        assert_eq!((shown.len(), duplicates), (expected, 0), "{shown:?}");
    }

    pub async fn stop(self) {
        self.browser.quit().await;
        self.site.stop(false).await;
    }
}

/// Returns the time in Unix milliseconds, as JavaScript does.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs_f64() * 1000.0
}

fn serve(
    redis: &Server,
    port: u16,
    lease: Duration,
    confirm_in_browser: bool,
    events: &PageEvents,
    saved: &SavedForms,
) -> ServerHandle {
    let salver = Salver::builder("app").store(RedisStore::new(&redis.url()).unwrap());
    let salver = salver.lease(lease).build().unwrap();
    let events = Data::from(Arc::clone(events));
    let saved = Data::from(Arc::clone(saved));
    let server = HttpServer::new(move || {
        let middleware = salver.middleware().session(|_: &_| Some(session("ada")));
        let middleware = match confirm_in_browser {
            true => middleware.confirm_in_browser(),
            false => middleware,
        };
        let routes = salver.routes();
        let head = routes.head_html();
        App::new()
            .app_data(Data::clone(&events))
            .app_data(Data::clone(&saved))
            .app_data(Data::new(head))
            .wrap(middleware)
            .service(routes)
            .route("/watch.js", web::get().to(watch_script))
            .route("/page-event", web::post().to(record_event))
            .route("/nothing", web::get().to(HttpResponse::NoContent))
            .configure(pages)
            .route("/{view}", web::post().to(save))
    });
    let server = server
        .workers(2)
        .h1_allow_half_closed(false)
        .disable_signals()
        .bind(("127.0.0.1", port));
    let running = server.unwrap().run();
    let handle = running.handle();
    actix_web::rt::spawn(running);
    handle
}

/// Adds the pages, each with a route of its own and so with a view of its own.
fn pages(config: &mut web::ServiceConfig) {
    for view in VIEWS {
        let show = move |head: Data<String>| async move { page(view, &head) };
        config.route(&format!("/{view}"), web::get().to(show));
    }
    config.route("/kept", web::get().to(kept));
}

/// A page without live delivery that keeps its messages.
async fn kept(messages: Messages, head: Data<String>) -> HttpResponse {
    messages.keep();
    html(format!(
        "<!doctype html><title>Kept</title>{}<salver-messages></salver-messages>",
        **head
    ))
}

fn page(view: &str, head: &str) -> HttpResponse {
    // A view may be written as a path.
    let attribute = match view {
        "h" => "/h",
        view => view,
    };
    html(format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{view}</title>
<link rel="icon" href="data:,"><script src="/watch.js"></script>{head}</head><body><main><h1>{view}</h1>
<salver-messages view="{attribute}"></salver-messages>
<form method="post" action="/{view}"><button>Save</button></form><a href="/a">a</a> <a href="/b">b</a></main></body></html>"#
    ))
}

async fn watch_script() -> HttpResponse {
    let script = include_str!("watch.js");
    HttpResponse::Ok()
        .content_type("text/javascript")
        .body(script)
}

async fn record_event(events: Data<Mutex<Vec<PageEvent>>>, body: Bytes) -> HttpResponse {
    let event = serde_json::from_slice(&body).unwrap();
    events.lock().unwrap().push(event);
    HttpResponse::NoContent().finish()
}

/// Saves a form and adds its message, even if the browser cancels the request.
async fn save(messages: Messages, view: Path<String>, saved: Data<AtomicUsize>) -> HttpResponse {
    let location = format!("/{view}");
    let task = actix_web::rt::spawn(async move {
        let message = Message::success("Saved.");
        messages
            .to(view.as_str())
            .add_message(message)
            .await
            .unwrap();
        saved.fetch_add(1, Ordering::SeqCst);
    });
    task.await.unwrap();
    HttpResponse::SeeOther()
        .insert_header(("location", location))
        .finish()
}
