//! A shared HTTP cache in front of the site.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::http::header::{CACHE_CONTROL, ContentType, IF_NONE_MATCH};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::future::join;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use salver::{Context, Messages, Salver, View};

use crate::support::eventually;
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::processes::{ChildProcess, free_port, scratch, start};
use crate::support::profile::{by_profile, salver};
use crate::support::redis::{Server, pending};
use fastrand::Rng;

const PAGE: &str =
    "<!doctype html><title>Page</title><main><salver-messages></salver-messages></main>";
const ETAG: &str = "\"page\"";
const MODIFIED: &str = "Sat, 21 Nov 2026 10:00:00 GMT";
/// Headers that override `Cache-Control` in some caches, and their values.
const CACHE_OVERRIDES: [(&str, &str); 4] = [
    ("x-accel-expires", "10"),
    ("cdn-cache-control", "max-age=10"),
    ("surrogate-control", "max-age=10"),
    ("expires", "Sat, 21 Nov 2037 10:00:00 GMT"),
];

/// Conditional headers of a browser that has a cached copy: none, `If-None-Match`,
/// `If-Modified-Since`.
pub const CONDITIONS: [Option<(&str, &str)>; 4] = [
    None,
    None,
    Some(("if-none-match", ETAG)),
    Some(("if-modified-since", MODIFIED)),
];
/// After this time nginx revalidates a page with `max-age=1`. nginx counts in whole seconds.
const STALE_AFTER: Duration = Duration::from_millis(2_100);

/// Two visitors read the same pages through nginx, which caches for ten seconds. Pages without
/// messages are served from the cache. A page with a message reaches one visitor, once.
#[actix_web::test]
async fn shared_cache_stores_no_page_with_messages() {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let salver = salver(&server.url());
    let cache = Cache::start(serve(&salver)).await;
    let (ada, bob) = join(Visitor::new(&cache), Visitor::new(&cache)).await;
    let mut totals = Totals::default();
    let mut rng = Rng::with_seed(1);

    for round in 0..by_profile(500, 10_000) / 4 {
        for visitor in [&ada, &bob] {
            if rng.u64(..2) == 0 {
                let message = history.message(&visitor.context);
                salver.add(&visitor.context, message.clone()).await.unwrap();
                history.record_acknowledged(&message);
            }
        }
        let path = path(round);
        let mut condition = || CONDITIONS[rng.u64(..4) as usize];
        // The first requests for this page: both concurrently, then one after the other.
        let (first, second) = join(ada.get(&path, condition()), bob.get(&path, None)).await;
        totals.record(&ada, &first, &history);
        totals.record(&bob, &second, &history);
        for visitor in [&bob, &ada] {
            let response = visitor.get(&path, condition()).await;
            totals.record(visitor, &response, &history);
        }
    }
    // A stale page is revalidated. Messages may still be pending, since their pages came from the
    // cache.
    tokio::time::sleep(STALE_AFTER).await;
    totals.record(&ada, &ada.get("/brief", None).await, &history);
    let contexts = [ada.context.clone(), bob.context.clone()];
    for attempt in 0..100 {
        for (name, visitor) in [("ada", &ada), ("bob", &bob)] {
            let path = format!("/page?last&{name}&{attempt}");
            totals.record(visitor, &visitor.get(&path, None).await, &history);
        }
        salver.flush().await;
        if pending(&server, &contexts).is_empty() {
            break;
        }
    }

    monitor.catch_up(&server);
    let verdict = history.verdict(&pending(&server, &contexts));
    let problems = (verdict.again, verdict.delivered, verdict.pending);
    let received = verdict.received;
    Row {
        test: "shared_cache",
        verdict,
        worst_wait: totals.worst_wait,
        more: format!(
            "pages={} hits={} revalidated={} not_modified={} messages={} wrong_headers={}",
            totals.pages,
            totals.hits,
            totals.revalidated,
            totals.not_modified,
            totals.messages,
            totals.wrong_headers
        ),
        ..Row::default()
    }
    .report();
    assert_eq!(problems, (0, 0, 0), "again, delivered, pending");
    assert_eq!((totals.messages, totals.wrong_headers), (received, 0));
    assert!(
        totals.hits > totals.pages / 5 && totals.revalidated > 0 && totals.not_modified > 0,
        "nginx caches no pages: {totals:?}"
    );
}

/// Returns a distinct path for each round, some with names that mislead caches, or a path that is
/// always the same.
pub fn path(round: usize) -> String {
    match round % 5 {
        0 => format!("/page?{round}"),
        1 => format!("/page/{round}/x.css"),
        2 => format!("/page/{round}.js;%2e%2e/logo.png"),
        3 => format!("/lasting?{round}"),
        _ => "/brief".to_owned(),
    }
}

/// Starts the site and returns its port.
fn serve(salver: &Salver) -> u16 {
    let salver = salver.clone();
    let server = HttpServer::new(move || {
        let create_session =
            async |messages: Messages| messages.context(View::ANY).await.map(web::Json);
        App::new()
            .wrap(salver.middleware())
            .route("/session", web::post().to(create_session))
            .configure(|config| add_pages(config, PAGE))
    });
    let server = server.workers(1).disable_signals();
    let server = server.bind("127.0.0.1:0").unwrap();
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    port
}

/// Adds pages that a shared cache may store.
pub fn add_pages(config: &mut ServiceConfig, html: &'static str) {
    let page = move |seconds, headers: &'static [(&str, &str)]| {
        web::get().to(move |request| page(request, html, seconds, headers))
    };
    config
        .route("/page", page(10, &[]))
        .route("/page/{name:.*}", page(10, &[]))
        .route("/lasting", page(10, &CACHE_OVERRIDES))
        .route("/brief", page(1, &[]));
}

async fn page(
    request: HttpRequest,
    html: &'static str,
    seconds: u32,
    headers: &[(&str, &str)],
) -> HttpResponse {
    let mut response = match request.headers().get(IF_NONE_MATCH) {
        Some(etag) if etag == ETAG => HttpResponse::NotModified(),
        _ => HttpResponse::Ok(),
    };
    response
        .insert_header(ContentType::html())
        .insert_header((CACHE_CONTROL, format!("public, max-age={seconds}")))
        .insert_header(("etag", ETAG))
        .insert_header(("last-modified", MODIFIED));
    for header in headers {
        response.insert_header(*header);
    }
    response.body(html)
}

/// An nginx that caches every cacheable response.
pub struct Cache {
    pub url: String,
    _process: ChildProcess,
}

impl Cache {
    pub async fn start(site: u16) -> Self {
        let (folder, port) = (scratch("nginx"), free_port());
        let folder = folder.to_str().unwrap();
        let settings = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr crit;
             events {{}}
             http {{
                 access_log off;
                 client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                 uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                 proxy_cache_path {folder}/cache keys_zone=pages:10m;
                 server {{
                     listen 127.0.0.1:{port};
                     location / {{
                         proxy_pass http://127.0.0.1:{site};
                         proxy_cache pages;
                         proxy_cache_valid 200 10s;
                         proxy_cache_revalidate on;
                         add_header X-Cache $upstream_cache_status always;
                     }}
                 }}
             }}"
        );
        let file = format!("{folder}/nginx.conf");
        fs::write(&file, settings).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p", folder, "-c", &file, "-e", "stderr"]);
        let process = start(command.stdout(Stdio::null()), "nginx-light");
        let url = format!("http://127.0.0.1:{port}");
        eventually("nginx replies", async || reqwest::get(&url).await.ok()).await;
        Self {
            url,
            _process: process,
        }
    }
}

/// A visitor with a session cookie of Salver.
struct Visitor {
    url: String,
    client: Client,
    context: Context,
}

impl Visitor {
    /// Creates a visitor with a session.
    async fn new(cache: &Cache) -> Self {
        let client = Client::builder().cookie_store(true).build().unwrap();
        let request = client
            .post(format!("{}/session", cache.url))
            .body("session");
        let response = request.send().await;
        Self {
            url: cache.url.clone(),
            context: response.unwrap().json().await.unwrap(),
            client,
        }
    }

    async fn get(&self, path: &str, condition: Option<(&str, &str)>) -> CachedResponse {
        let started = Instant::now();
        let request = self.client.get(format!("{}{path}", self.url));
        let response = conditional(request, condition).send().await.unwrap();
        CachedResponse::read(response, started).await
    }
}

/// Adds a conditional header to a request.
pub fn conditional(request: RequestBuilder, condition: Option<(&str, &str)>) -> RequestBuilder {
    match condition {
        Some((header, value)) => request.header(header, value),
        None => request,
    }
}

impl CachedResponse {
    pub async fn read(response: Response, started: Instant) -> Self {
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Self {
            status: response.status(),
            cache: header("x-cache").unwrap(),
            cache_control: header("cache-control"),
            has_override: CACHE_OVERRIDES
                .iter()
                .any(|(name, _)| header(*name).is_some()),
            has_validator: header("etag").or_else(|| header("last-modified")).is_some(),
            body: response.text().await.unwrap(),
            wait: started.elapsed(),
        }
    }
}

pub struct CachedResponse {
    pub status: StatusCode,
    /// The cache status that nginx reports: `HIT`, `MISS`, `REVALIDATED`.
    pub cache: String,
    cache_control: Option<String>,
    /// Whether a header overrides `Cache-Control`.
    has_override: bool,
    /// Whether the response has an `ETag` or a `Last-Modified` header.
    has_validator: bool,
    pub body: String,
    pub wait: Duration,
}

impl CachedResponse {
    /// Returns whether the headers allow caches to store the page. Fails if they contradict each other.
    pub fn is_cacheable(&self) -> bool {
        let control = self.cache_control.as_deref().unwrap_or_default();
        let is_cacheable = control.starts_with("public");
        let is_private = control == "no-store, private";
        let is_private = is_private && !self.has_validator && !self.has_override;
        assert!(is_cacheable || is_private, "{control}");
        is_cacheable
    }
}

#[derive(Debug, Default)]
struct Totals {
    pages: usize,
    hits: usize,
    revalidated: usize,
    not_modified: usize,
    messages: usize,
    /// Pages with messages whose headers allow caching, and pages without messages whose headers
    /// forbid it.
    wrong_headers: usize,
    worst_wait: Duration,
}

impl Totals {
    /// Records a response.
    fn record(&mut self, visitor: &Visitor, response: &CachedResponse, history: &History) {
        let messages = response.body.matches("<li").count();
        history.record_received(&visitor.context, &response.body);
        self.pages += 1;
        self.messages += messages;
        self.not_modified += usize::from(response.status == StatusCode::NOT_MODIFIED);
        self.worst_wait = self.worst_wait.max(response.wait);
        match response.cache.as_str() {
            "HIT" => self.hits += 1,
            "REVALIDATED" => self.revalidated += 1,
            _ => {}
        }
        self.wrong_headers += usize::from(response.is_cacheable() == (messages > 0));
    }
}
