//! A cache that many visitors share.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::http::header::{CACHE_CONTROL, ContentType, IF_NONE_MATCH};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::future::join;
use reqwest::{Client, StatusCode};
use salver::{Context, Messages, Salver, View};

use super::{column, pending, salver};
use crate::support::eventually;
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::processes::{Running, free_port, scratch, start};
use crate::support::redis::Server;
use fastrand::Rng;

const PAGE: &str =
    "<!doctype html><title>Page</title><main><salver-messages></salver-messages></main>";
const ETAG: &str = "\"page\"";
const MODIFIED: &str = "Sat, 21 Nov 2026 10:00:00 GMT";
/// What is said above `Cache-Control`, and by whom it is heard.
const LIFETIMES: [(&str, &str); 4] = [
    ("x-accel-expires", "10"),
    ("cdn-cache-control", "max-age=10"),
    ("surrogate-control", "max-age=10"),
    ("expires", "Sat, 21 Nov 2037 10:00:00 GMT"),
];

/// "Only if it has changed", as browsers ask when they have a page: never, by one header, by the other.
const CONDITIONS: [Option<(&str, &str)>; 4] = [
    None,
    None,
    Some(("if-none-match", ETAG)),
    Some(("if-modified-since", MODIFIED)),
];
/// After this nginx, which counts in whole seconds, is sure to ask whether a page for one second has changed.
const OLD: Duration = Duration::from_millis(2_100);

/// Two visitors read the same pages through nginx, which keeps what it may for ten seconds. Pages without
/// messages come out of the cache; what carried a message was for one visitor, once.
#[actix_web::test]
async fn shared_cache() {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let salver = salver(&server.url());
    let cache = Cache::before(serve(&salver)).await;
    let (ada, bob) = join(Visitor::begin(&cache), Visitor::begin(&cache)).await;
    let mut seen = Seen::default();
    let mut rng = Rng::with_seed(1);

    for round in 0..column(500, 10_000) / 4 {
        for visitor in [&ada, &bob] {
            if rng.u64(..2) == 0 {
                let message = history.message(&visitor.context);
                salver.add(&visitor.context, message.clone()).await.unwrap();
                history.acknowledged(&message);
            }
        }
        let path = path(round);
        let mut condition = || CONDITIONS[rng.u64(..4) as usize];
        // Nobody has asked for this page yet: both at once, then one after the other.
        let (first, second) = join(ada.ask(&path, condition()), bob.ask(&path, None)).await;
        seen.note(&ada, &first, &history);
        seen.note(&bob, &second, &history);
        for visitor in [&bob, &ada] {
            let answer = visitor.ask(&path, condition()).await;
            seen.note(visitor, &answer, &history);
        }
    }
    // What is old is asked about; what nobody has read yet waits behind pages that were in the cache.
    tokio::time::sleep(OLD).await;
    seen.note(&ada, &ada.ask("/brief", None).await, &history);
    let contexts = [ada.context.clone(), bob.context.clone()];
    for turn in 0..100 {
        for (name, visitor) in [("ada", &ada), ("bob", &bob)] {
            let path = format!("/page?last&{name}&{turn}");
            seen.note(visitor, &visitor.ask(&path, None).await, &history);
        }
        salver.flush().await;
        if pending(&server, &contexts).is_empty() {
            break;
        }
    }

    monitor.catch_up(&server);
    let verdict = history.verdict(&pending(&server, &contexts));
    let told = (verdict.again, verdict.handed, verdict.pending);
    let carried = verdict.received;
    Row {
        test: "shared_cache",
        verdict,
        worst_wait: seen.worst_wait,
        more: format!(
            "pages={} hits={} revalidated={} not_modified={} carried={} mislabelled={}",
            seen.pages,
            seen.hits,
            seen.revalidated,
            seen.not_modified,
            seen.carried,
            seen.mislabelled
        ),
        ..Row::default()
    }
    .judge();
    assert_eq!(told, (0, 0, 0), "again, handed, pending");
    assert_eq!((seen.carried, seen.mislabelled), (carried, 0));
    assert!(
        seen.hits > seen.pages / 5 && seen.revalidated > 0 && seen.not_modified > 0,
        "nginx caches nothing: {seen:?}"
    );
}

/// A page of its own for each round, under a name that deceives caches, or one that is always the same.
fn path(round: usize) -> String {
    match round % 5 {
        0 => format!("/page?{round}"),
        1 => format!("/page/{round}/x.css"),
        2 => format!("/page/{round}.js;%2e%2e/logo.png"),
        3 => format!("/lasting?{round}"),
        _ => "/brief".to_owned(),
    }
}

/// Starts the site; gives its port.
fn serve(salver: &Salver) -> u16 {
    let salver = salver.clone();
    let server = HttpServer::new(move || {
        let begin = async |messages: Messages| messages.context(View::ANY).await.map(web::Json);
        App::new()
            .wrap(salver.middleware())
            .route("/begin", web::post().to(begin))
            .route("/page", web::get().to(|request| page(request, 10, &[])))
            .route(
                "/page/{name:.*}",
                web::get().to(|request| page(request, 10, &[])),
            )
            .route(
                "/lasting",
                web::get().to(|request| page(request, 10, &LIFETIMES)),
            )
            .route("/brief", web::get().to(|request| page(request, 1, &[])))
    });
    let server = server.workers(1).disable_signals();
    let server = server.bind("127.0.0.1:0").unwrap();
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    port
}

async fn page(request: HttpRequest, seconds: u32, more: &[(&str, &str)]) -> HttpResponse {
    let mut response = match request.headers().get(IF_NONE_MATCH) {
        Some(known) if known == ETAG => HttpResponse::NotModified(),
        _ => HttpResponse::Ok(),
    };
    response
        .insert_header(ContentType::html())
        .insert_header((CACHE_CONTROL, format!("public, max-age={seconds}")))
        .insert_header(("etag", ETAG))
        .insert_header(("last-modified", MODIFIED));
    for header in more {
        response.insert_header(*header);
    }
    response.body(PAGE)
}

/// An nginx that caches what it may.
struct Cache {
    url: String,
    _process: Running,
}

impl Cache {
    async fn before(site: u16) -> Self {
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
        eventually("nginx answers", async || reqwest::get(&url).await.ok()).await;
        Self {
            url,
            _process: process,
        }
    }
}

/// A visitor with a cookie of Salver's own.
struct Visitor {
    url: String,
    client: Client,
    context: Context,
}

impl Visitor {
    async fn begin(cache: &Cache) -> Self {
        let client = Client::builder().cookie_store(true).build().unwrap();
        let begin = client.post(format!("{}/begin", cache.url)).body("begin");
        let answer = begin.send().await;
        Self {
            url: cache.url.clone(),
            context: answer.unwrap().json().await.unwrap(),
            client,
        }
    }

    async fn ask(&self, path: &str, condition: Option<(&str, &str)>) -> Answer {
        let started = Instant::now();
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some((header, value)) = condition {
            request = request.header(header, value);
        }
        let answer = request.send().await.unwrap();
        let header = |name| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Answer {
            status: answer.status(),
            cache: header("x-cache").unwrap(),
            control: header("cache-control"),
            lasting: LIFETIMES.iter().any(|(name, _)| header(*name).is_some()),
            dated: header("etag").or_else(|| header("last-modified")).is_some(),
            body: answer.text().await.unwrap(),
            wait: started.elapsed(),
        }
    }
}

struct Answer {
    status: StatusCode,
    /// What nginx says of its cache: `HIT`, `MISS`, `REVALIDATED`.
    cache: String,
    control: Option<String>,
    lasting: bool,
    dated: bool,
    body: String,
    wait: Duration,
}

#[derive(Debug, Default)]
struct Seen {
    pages: usize,
    hits: usize,
    revalidated: usize,
    not_modified: usize,
    carried: usize,
    /// Pages with messages that a cache may keep by what they say, pages without that it may not.
    mislabelled: usize,
    worst_wait: Duration,
}

impl Seen {
    /// Notes what a visitor was answered.
    fn note(&mut self, visitor: &Visitor, answer: &Answer, history: &History) {
        let messages = answer.body.matches("<li").count();
        history.received(&visitor.context, &answer.body);
        self.pages += 1;
        self.carried += messages;
        self.not_modified += usize::from(answer.status == StatusCode::NOT_MODIFIED);
        self.worst_wait = self.worst_wait.max(answer.wait);
        match answer.cache.as_str() {
            "HIT" => self.hits += 1,
            "REVALIDATED" => self.revalidated += 1,
            _ => {}
        }
        let control = answer.control.as_deref().unwrap_or_default();
        let is_right = if messages > 0 {
            control == "no-store, private" && !answer.dated && !answer.lasting
        } else {
            control.starts_with("public")
        };
        self.mislabelled += usize::from(!is_right);
    }
}
