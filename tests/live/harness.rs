//! A site whose pages say what somebody would see on them, and a job that knows the visitor.

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
use crate::support::{at, eventually, session};
use crate::web::site::html;

/// Something that a page said.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    pub tab: String,
    pub what: String,
    pub id: String,
    pub text: String,
    pub at: f64,
    pub persisted: bool,
}

/// What all pages said.
pub type Said = Arc<Mutex<Vec<Told>>>;

/// How many forms were saved.
type Saved = Arc<AtomicUsize>;

/// A Redis, a site on it, a job beside it, and a browser in front.
pub struct Stage {
    pub redis: Server,
    pub browser: Browser,
    /// The handle of another process, as far as Redis can tell.
    pub job: Salver,
    pub said: Said,
    port: u16,
    lease: Duration,
    left_to_page: bool,
    site: ServerHandle,
    added: usize,
    saved: Saved,
}

impl Stage {
    pub async fn new(lease: Duration) -> Self {
        Self::with(lease, false).await
    }

    pub async fn with(lease: Duration, left_to_page: bool) -> Self {
        let redis = Server::start();
        let job = Salver::new("app", RedisStore::new(&redis.url()).unwrap()).unwrap();
        let (port, said) = (free_port(), Said::default());
        let saved = Saved::default();
        let site = serve(&redis, port, lease, left_to_page, &said, &saved);
        let browser = Browser::start().await;
        Self {
            redis,
            browser,
            job,
            said,
            port,
            lease,
            left_to_page,
            site,
            added: 0,
            saved,
        }
    }

    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Opens the page of a view, and waits until it listens.
    pub async fn open(&self, view: &str) {
        self.browser.open(&self.at(view)).await;
        self.listens().await;
    }

    /// Waits until the page that is open is served by a stream, its own or another tab's.
    pub async fn listens(&self) {
        eventually("the page listens", async || {
            let script = "return navigator.locks.query().then(({ held }) => held.length)";
            (self.browser.run(script).await.as_u64()? > 0).then_some(())
        })
        .await;
    }

    pub async fn stop_site(&self) {
        self.site.stop(false).await;
    }

    pub fn start_site(&mut self) {
        let Self {
            redis,
            port,
            lease,
            left_to_page,
            said,
            saved,
            ..
        } = self;
        self.site = serve(redis, *port, *lease, *left_to_page, said, saved);
    }

    /// Adds a message to a view, as a job does; gives its id, and when it was begun to be added.
    pub async fn add(&mut self, view: &str) -> (String, f64) {
        let message = Message::info(format!("message {}", self.added));
        self.added += 1;
        let (id, began) = (message.id().to_string(), now());
        let context = at("ada", view);
        let add = async || self.job.add(&context, message.clone()).await.ok();
        eventually("the store takes a message", add).await;
        (id, began)
    }

    /// Waits until a page has said something of a message; gives what.
    pub async fn told(&self, what: &str, id: &str) -> Told {
        let look = || {
            let said = self.said.lock().unwrap();
            let found = said.iter().find(|told| told.what == what && told.id == id);
            found.cloned()
        };
        eventually(&format!("{what} {id}"), async || look()).await
    }

    /// Counts how often each message was shown, over all tabs.
    pub fn shown(&self) -> BTreeMap<String, usize> {
        let mut shown = BTreeMap::new();
        for told in self.said.lock().unwrap().iter() {
            if told.what == "shown" {
                *shown.entry(told.id.clone()).or_default() += 1;
            }
        }
        shown
    }

    /// Counts the messages that there were: a job's, and those of forms.
    pub fn expected(&self) -> usize {
        self.added + self.saved.load(Ordering::SeqCst)
    }

    /// Prints what became of all messages of a scenario, and wants each shown once.
    pub fn judge(&self, scenario: &str) {
        let (shown, expected) = (self.shown(), self.expected());
        let twice = shown.values().filter(|times| **times > 1).count();
        let lost = expected - shown.len().min(expected);
        println!(
            "LIVE {scenario} shown={} expected={expected} twice={twice} lost={lost}",
            shown.len()
        );
        assert_eq!((shown.len(), twice), (expected, 0), "{shown:?}");
    }

    pub async fn end(self) {
        self.browser.quit().await;
        self.site.stop(false).await;
    }
}

/// Unix milliseconds, as a page has them.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs_f64() * 1000.0
}

fn serve(
    redis: &Server,
    port: u16,
    lease: Duration,
    left_to_page: bool,
    said: &Said,
    saved: &Saved,
) -> ServerHandle {
    let salver = Salver::builder("app").store(RedisStore::new(&redis.url()).unwrap());
    let salver = salver.lease(lease).build().unwrap();
    let (said, saved) = (Data::from(Arc::clone(said)), Data::from(Arc::clone(saved)));
    let server = HttpServer::new(move || {
        let middleware = salver.middleware().session(|_: &_| Some(session("ada")));
        let middleware = match left_to_page {
            true => middleware.confirm_in_browser(),
            false => middleware,
        };
        let routes = salver.routes();
        let head = routes.head_html();
        App::new()
            .app_data(Data::clone(&said))
            .app_data(Data::clone(&saved))
            .app_data(Data::new(head))
            .wrap(middleware)
            .service(routes)
            .route("/watch.js", web::get().to(watch))
            .route("/told", web::post().to(told))
            .route(
                "/a",
                web::get().to(|head: Data<String>| async move { page("a", &head) }),
            )
            .route(
                "/b",
                web::get().to(|head: Data<String>| async move { page("b", &head) }),
            )
            .route("/nothing", web::get().to(HttpResponse::NoContent))
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

fn page(view: &str, head: &str) -> HttpResponse {
    html(format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{view}</title>
<link rel="icon" href="data:,"><script src="/watch.js"></script>{head}</head><body><main><h1>{view}</h1>
<salver-messages view="{view}"></salver-messages>
<form method="post" action="/{view}"><button>Save</button></form><a href="/a">a</a> <a href="/b">b</a></main></body></html>"#
    ))
}

async fn watch() -> HttpResponse {
    let script = include_str!("watch.js");
    HttpResponse::Ok()
        .content_type("text/javascript")
        .body(script)
}

async fn told(said: Data<Mutex<Vec<Told>>>, body: Bytes) -> HttpResponse {
    let told = serde_json::from_slice(&body).unwrap();
    said.lock().unwrap().push(told);
    HttpResponse::NoContent().finish()
}

/// Saves a form: each time it is sent there is a message of it, whether or not its page is waited for.
async fn save(messages: Messages, view: Path<String>, saved: Data<AtomicUsize>) -> HttpResponse {
    let location = format!("/{view}");
    let saving = actix_web::rt::spawn(async move {
        let message = Message::success("Saved.");
        messages
            .to(view.as_str())
            .add_message(message)
            .await
            .unwrap();
        saved.fetch_add(1, Ordering::SeqCst);
    });
    saving.await.unwrap();
    HttpResponse::SeeOther()
        .insert_header(("location", location))
        .finish()
}
