//! A site with an inbox for each user, and a login.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::dev::ServerHandle;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::middleware::DefaultHeaders;
use actix_web::test::TestRequest;
use actix_web::web::{self, Bytes, Data, Form, Path};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use reqwest::{Client, RequestBuilder};
use salver::inbox::InboxRoutes;
use salver::store::{Clock, MemoryStore, RedisStore};
use salver::web::{Page, Routes};
use salver::{
    InboxFilter, Message, Messages, Notification, ReadState, Recipient, Salver, Translation, View,
};
use serde::Deserialize;

use super::browser::Browser;
use super::eventually;
use super::redis::Server;
use super::site::{TestResponse, html, site};

/// Returns the recipient in a header. A real site must never trust such a header.
pub fn user(request: &HttpRequest) -> Option<Recipient> {
    let user = request.headers().get("x-user")?;
    Some(Recipient::user(user.to_str().unwrap()))
}

/// Sends one request to a site with the routes of the inbox, whose users are in a header.
pub async fn send(salver: &Salver, routes: InboxRoutes, request: TestRequest) -> TestResponse {
    let middleware = salver.middleware().recipient(user);
    let site = site(middleware, |app| {
        app.service(routes);
    })
    .await;
    site.send(request).await
}

/// A policy under which a page can load its stylesheet and send its forms, and nothing else.
pub const STRICT_POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
    base-uri 'none'; require-trusted-types-for 'script'; report-uri /reports";

/// Headers by which other software says who sends a request.
pub const IDENTITY_HEADERS: [&str; 6] = [
    "x-user",
    "x-forwarded-user",
    "salver-recipient",
    "authorization",
    "last-event-id",
    "cookie2",
];

/// Translates one message of the page.
pub type Translator = fn(&Message) -> Option<Translation>;

/// What differs between the sites of the tests.
#[derive(Clone, Default)]
pub struct Setup {
    /// The user of a request without a cookie, as on a network that authenticates its machines.
    pub default_user: Option<&'static str>,
    /// Whether a visitor who is not logged in is redirected to the login page.
    pub has_login: bool,
    /// Whether every row is a link to an object, which may have been deleted.
    pub has_objects: bool,
    /// The `Content-Security-Policy` of every response.
    pub policy: Option<&'static str>,
    pub translator: Option<Translator>,
    /// The `<head>` of the layout of the site. Default: the layout of Salver.
    pub head: Option<String>,
    /// Changes the routes of the inbox.
    pub inbox: Option<fn(InboxRoutes) -> InboxRoutes>,
}

/// A running site.
pub struct InboxSite {
    pub url: String,
    pub salver: Salver,
    /// The bodies of the reports about violations of the policy.
    pub reports: Arc<Mutex<Vec<String>>>,
    /// The paths of requests for which the site has no route.
    pub unexpected_requests: Arc<Mutex<Vec<String>>>,
    /// A clock that stands still, so that a group is always of one day.
    clock: Option<Clock>,
    server: ServerHandle,
}

impl InboxSite {
    /// Starts a site on the memory store.
    pub fn start(setup: Setup) -> Self {
        let clock = Clock::manual();
        let store = MemoryStore::with_clock(clock.clone());
        let mut site = Self::serve(Salver::new("app", store).unwrap(), setup);
        site.clock = Some(clock);
        site
    }

    /// Starts a site on a Redis server.
    pub fn start_on(server: &Server, setup: Setup) -> Self {
        let store = RedisStore::new(&server.url()).unwrap();
        Self::serve(Salver::new("app", store).unwrap(), setup)
    }

    pub fn serve(salver: Salver, setup: Setup) -> Self {
        Self::serve_at("127.0.0.1:0", salver, setup)
    }

    pub fn serve_at(address: &str, salver: Salver, setup: Setup) -> Self {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let unexpected_requests = Arc::new(Mutex::new(Vec::new()));
        let data = (
            Data::from(Arc::clone(&reports)),
            Data::new(Unexpected(Arc::clone(&unexpected_requests))),
        );
        let handle = salver.clone();
        let server = HttpServer::new(move || {
            let default_user = setup.default_user;
            let mut middleware = handle.middleware().recipient(move |request| {
                let cookie = request.cookie("user").map(|user| user.value().to_owned());
                cookie
                    .or(default_user.map(str::to_owned))
                    .map(Recipient::user)
            });
            if let Some(translator) = setup.translator {
                middleware = middleware.translate(move |_| translator);
            }
            if let Some(head) = setup.head.clone() {
                middleware = middleware.layout(move |_, page| layout(&head, &page));
            }
            let mut inbox = handle
                .inbox_routes()
                .kinds([("graph", "Graphs"), ("group", "Groups <b>")]);
            if setup.has_login {
                inbox = inbox.login("/login");
            }
            if setup.has_objects {
                inbox = inbox.link(|notification: Notification| {
                    let subject = notification.get_subject().unwrap_or("none").to_owned();
                    std::future::ready(
                        (subject != "deleted").then(|| format!("/objects/{subject}")),
                    )
                });
            }
            if let Some(change) = setup.inbox {
                inbox = change(inbox);
            }
            let policy = setup.policy.map(|policy| (CONTENT_SECURITY_POLICY, policy));
            let headers = policy.map_or_else(DefaultHeaders::new, |policy| {
                DefaultHeaders::new().add(policy)
            });
            App::new()
                .wrap(middleware)
                .wrap(headers)
                .app_data(data.0.clone())
                .app_data(data.1.clone())
                .service(handle.routes())
                .service(inbox)
                .route("/login", web::get().to(login_page))
                .route("/login", web::post().to(login))
                .route("/as/{user}", web::get().to(log_in_as))
                .route("/logout", web::get().to(log_out))
                .route("/renew", web::get().to(renew))
                .route("/home", web::get().to(home))
                .route("/home", web::post().to(save))
                .route("/any", web::post().to(save_for_any_page))
                .route("/objects/{object:.*}", web::get().to(object))
                .route("/reports", web::post().to(report))
                .route("/violation", web::get().to(violation))
                .route("/favicon.ico", web::get().to(HttpResponse::NotFound))
                .default_service(web::to(unexpected))
        });
        let server = server
            .workers(1)
            .disable_signals()
            // So that a closed page is noticed at once.
            .h1_allow_half_closed(false)
            .bind(address)
            .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            url,
            salver,
            reports,
            unexpected_requests,
            clock: None,
            server: handle,
        }
    }

    /// Adds rows of all kinds: one of each for Ada, several pages for Bob, and none for Eve.
    pub async fn fill(&self) {
        for notification in notifications() {
            self.notify("ada", notification).await;
        }
        let archived = InboxFilter::all().subject("yeast");
        let inbox = self.salver.inbox(&Recipient::user("ada"));
        inbox.mark(&archived, ReadState::Archived).await.unwrap();
        for n in 1..=45 {
            let note = Notification::new("letter", Message::info(format!("Letter {n}")));
            self.notify("bob", note).await;
        }
    }

    /// Stops the site, without waiting for its open streams.
    pub async fn stop(&self) {
        self.server.stop(false).await;
    }

    /// Moves the clock of the memory store ahead; waits for as long where the clock is that of Redis.
    pub async fn pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }

    /// Returns the URL of a path of the inbox.
    pub fn at(&self, path: &str) -> String {
        format!("{}/salver/inbox{path}", self.url)
    }

    /// Returns the URL of a page that logs a user in.
    pub fn login_of(&self, user: &str) -> String {
        format!("{}/as/{user}", self.url)
    }

    /// Adds a notification, later than all others.
    pub async fn notify(&self, user: &str, notification: Notification) {
        if let Some(clock) = &self.clock {
            clock.advance(Duration::from_millis(1));
        }
        let recipient = [Recipient::user(user)];
        self.salver.notify(recipient, notification).await.unwrap();
    }

    /// Returns the ids of all notifications that a filter selects, newest first.
    pub async fn ids(&self, user: &str, filter: InboxFilter) -> Vec<String> {
        let inbox = self.salver.inbox(&Recipient::user(user));
        let page = inbox.list(&filter.ungrouped().limit(100), None).await;
        let rows = page.unwrap().rows.into_iter();
        rows.map(|row| row.newest.id().to_string()).collect()
    }

    /// Opens a page that violates the policy, and returns the reports about all other pages.
    pub async fn violations(&self, browser: &Browser) -> Vec<String> {
        browser.open(&format!("{}/violation", self.url)).await;
        // Reports arrive in order: those of the other pages have arrived when this one has.
        let reports = eventually("the violation is reported", async || {
            let reports = self.reports.lock().unwrap().clone();
            let is_last = reports.iter().any(|report| report.contains("/violation"));
            is_last.then_some(reports)
        })
        .await;
        let reports = reports.into_iter();
        reports
            .filter(|report| !report.contains("/violation"))
            .collect()
    }

    /// Returns everything that is in an inbox: each text, where it is, and whether it is unread.
    pub async fn content(&self, user: &str) -> Vec<(String, &'static str, bool)> {
        let inbox = self.salver.inbox(&Recipient::user(user));
        let mut content = Vec::new();
        for (place, filter) in [
            ("inbox", InboxFilter::all()),
            ("archive", InboxFilter::archived()),
        ] {
            let page = inbox.list(&filter.ungrouped().limit(100), None).await;
            let rows = page.unwrap().rows.into_iter();
            content.extend(rows.map(|row| {
                let text = row.newest.text().to_owned();
                (text, place, row.newest.is_unread())
            }));
        }
        content
    }
}

/// The paths of unexpected requests, as a type of its own: the reports have the same one.
struct Unexpected(Arc<Mutex<Vec<String>>>);

async fn unexpected(request: HttpRequest, paths: Data<Unexpected>) -> HttpResponse {
    paths.0.lock().unwrap().push(request.path().to_owned());
    HttpResponse::NotFound().finish()
}

async fn report(body: Bytes, reports: Data<Mutex<Vec<String>>>) -> HttpResponse {
    let body = String::from_utf8_lossy(&body).into_owned();
    reports.lock().unwrap().push(body);
    HttpResponse::NoContent().finish()
}

/// A page that violates every policy of the tests.
async fn violation() -> HttpResponse {
    html("<!doctype html><title>Violation</title><p style='color: red'>text")
}

async fn object(object: Path<String>) -> HttpResponse {
    let object = object.replace('<', "&lt;");
    html(format!(
        "<!doctype html><title>Object</title><h1>{object}</h1>"
    ))
}

async fn login_page() -> HttpResponse {
    html(
        "<!doctype html><title>Login</title><h1>Login</h1><form method=post action=/login>\
         <input name=user><button>Log in</button></form>",
    )
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

async fn login(form: Form<Login>) -> HttpResponse {
    logged_in(&form.user)
}

/// A page of the site, with a bell.
async fn home() -> HttpResponse {
    let head = head_with_script();
    html(format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Home</title>{head}</head>
<body><nav><a href="/salver/inbox">Notifications <salver-bell></salver-bell></a></nav>
<main><h1>Home</h1><salver-messages></salver-messages></main></body></html>"#
    ))
}

/// Leaves a message to the next page.
async fn save(messages: Messages, text: String) -> &'static str {
    messages.info(text).await;
    "saved"
}

/// Leaves a message to any page.
async fn save_for_any_page(messages: Messages, text: String) -> &'static str {
    messages.to(View::ANY).info(text).await;
    "saved"
}

async fn log_out(messages: Messages) -> actix_web::Result<&'static str> {
    messages.close_session().await?;
    Ok("logged out")
}

async fn renew(messages: Messages) -> actix_web::Result<&'static str> {
    messages.renew().await?;
    Ok("logged in")
}

async fn log_in_as(user: Path<String>) -> HttpResponse {
    logged_in(&user)
}

fn logged_in(user: &str) -> HttpResponse {
    let cookie = Cookie::build("user", user).path("/").http_only(true);
    HttpResponse::SeeOther()
        .cookie(cookie.finish())
        .insert_header((LOCATION, "/salver/inbox"))
        .finish()
}

/// Returns a request for the stream of a user, as a page of the site sends it.
pub fn stream_of(site: &str, user: &str) -> RequestBuilder {
    Client::new()
        .get(format!("{site}/salver/stream"))
        .header("accept", "text/event-stream")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", format!("user={user}"))
}

/// The `<head>` of a site that shows messages without a reload.
pub fn head_with_script() -> String {
    Routes::default().head_html()
}

fn layout(head: &str, page: &Page) -> String {
    let (language, direction) = (&page.language, &page.direction);
    let (title, style, main) = (&page.title, &page.head_html, &page.main_html);
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        r#"<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>{head}{style}</head>
<body><main><salver-messages></salver-messages>{main}</main></body></html>"#
    )
}

/// Returns a notification of every form.
fn notifications() -> Vec<Notification> {
    let uploads = ["Ada", "Bob", "Cem", "Dua", "Eve"].map(|actor| {
        let note = graph(&format!("{actor}-7")).group("graphs");
        note.actor(&Recipient::user(actor), actor)
    });
    let note = |kind: &str, message| Notification::new(kind, message);
    let folder = "icons-and-more-icons".repeat(12);
    let path = format!("/srv/import/2026-11-28/{folder}");
    let mut all = vec![
        note("site", Message::info("Welcome to GraphSpace.")).already_read(),
        note("group.deleted", Message::info("Group yeast was deleted.")).subject("yeast"),
        note(
            "plan",
            Message::warning("Your plan ends in **three** days, see [the prices](/prices).")
                .markdown()
                .title("Plan"),
        ),
        note(
            "import.failed",
            Message::error(format!("The file {path} cannot be read."))
                .title("Import failed")
                .action("Open", "/imports/1"),
        ),
        note("letter", Message::info("שלום, הגרף ‎p53‎ מוכן. נתראה מחר!"))
            .actor(&Recipient::user("noa"), "נועה"),
    ];
    all.extend(uploads);
    all.push(graph("p53"));
    all
}

/// Builds a notification about a graph, with a link to it.
pub fn graph(name: &str) -> Notification {
    let message = Message::success(format!("Graph {name} uploaded."));
    let message = message.action("Open", format!("/objects/{name}"));
    Notification::new("graph.uploaded", message).subject(name)
}
