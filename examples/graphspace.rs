//! A site for graphs that notifies its users: of their own uploads, and of what the members of their
//! group share.
//!
//! Run it: `cargo run --example graphspace --features inbox`, open http://127.0.0.1:8080/, and log in
//! as Ada in one browser and as Bob in another. Upload a few graphs, share one, and watch the bell and
//! the list under "Notifications" of the other. With `REDIS_URL` the notifications are in Redis and survive a restart.
//!
//! With mails: `pip install aiosmtpd`, then `python3 -m aiosmtpd --nosetuid --listen 127.0.0.1:2525` prints
//! what it receives. With `SMTP_URL=smtp://127.0.0.1:2525` what is shared is mailed at once, unless it was read.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionExt, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::http::header::ContentType;
use actix_web::web::{Data, Form, Path, Redirect};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, get, post};
use salver::jobs::RunningWorker;
use salver::mail::{Cadence, Mailer, Profile};
use salver::web::{Page, Routes, SessionSource};
use salver::{Error, InboxFilter, Message, Messages, Notification, Recipient, Salver, Translation};
use serde::Deserialize;

/// The users: all are members of one group.
const USERS: [(u64, &str); 3] = [(1, "Ada"), (2, "Bob"), (3, "Eve")];

struct Graph {
    name: String,
    owner: u64,
}

/// The graphs by their numbers; a site has a database.
#[derive(Default)]
struct Graphs(Mutex<BTreeMap<u64, Graph>>, AtomicU64);

impl Graphs {
    fn with<T>(&self, access: impl FnOnce(&mut BTreeMap<u64, Graph>) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, name: &str, owner: u64) -> u64 {
        // A number is never used again: old links lead to no other graph.
        let number = 1 + self.1.fetch_add(1, Ordering::Relaxed);
        let name = name.to_owned();
        self.with(|graphs| graphs.insert(number, Graph { name, owner }));
        number
    }

    fn name(&self, number: u64) -> Option<String> {
        self.with(|graphs| Some(graphs.get(&number)?.name.clone()))
    }
}

/// Returns the user who is logged in.
fn user(session: &Session) -> Option<(u64, &'static str)> {
    let id: u64 = session.get("user").ok()??;
    USERS.into_iter().find(|(user, _)| *user == id)
}

/// Notifies the owner. Called after the graph is stored, and fails no form.
async fn notify_owner(salver: &Salver, owner: u64, number: u64, kind: &str, text: String) {
    let message = Message::success(text).action("Open", format!("/graphs/{number}"));
    let note = Notification::new(kind, message)
        .subject(format!("graphs/{number}"))
        .group(kind);
    let owner = [Recipient::user(owner)];
    salver.notify(owner, note).await.unwrap_or_else(Error::log);
}

#[derive(Deserialize)]
struct Upload {
    name: String,
}

#[post("/graphs")]
async fn upload_graph(
    session: Session,
    form: Form<Upload>,
    graphs: Data<Graphs>,
    salver: Salver,
) -> impl Responder {
    if let Some((owner, _)) = user(&session) {
        let number = graphs.add(&form.name, owner);
        let text = format!("Graph {} uploaded.", form.name);
        notify_owner(&salver, owner, number, "graph.uploaded", text).await;
    }
    Redirect::to("/").see_other()
}

#[post("/graphs/{number}/share")]
async fn share_graph(
    session: Session,
    number: Path<u64>,
    graphs: Data<Graphs>,
    salver: Salver,
) -> impl Responder {
    if let (Some((id, name)), Some(graph)) = (user(&session), graphs.name(*number)) {
        let url = format!("/graphs/{number}");
        let text = |who: &str| {
            Message::info(format!("Graph {graph} was shared by {who}.")).action("Open", &url)
        };
        let note = Notification::new("group.shared", text(name))
            .subject(format!("graphs/{number}"))
            .actor(&Recipient::user(id), name)
            .for_actor(text("you"));
        let members = USERS.map(|(member, _)| Recipient::user(member));
        salver
            .notify(members, note)
            .await
            .unwrap_or_else(Error::log);
    }
    Redirect::to("/").see_other()
}

#[post("/graphs/{number}/delete")]
async fn delete_graph(
    session: Session,
    number: Path<u64>,
    graphs: Data<Graphs>,
    salver: Salver,
    messages: Messages,
) -> impl Responder {
    let owner = user(&session).map(|(id, _)| id);
    let deleted = graphs.with(|graphs| {
        let is_own = graphs
            .get(&number)
            .is_some_and(|graph| Some(graph.owner) == owner);
        is_own.then(|| graphs.remove(&number)).flatten()
    });
    if let (Some(graph), Some(owner)) = (deleted, owner) {
        // The notifications of the owner go with the graph. A link of a member leads to the list.
        let about_it = InboxFilter::all().subject(format!("graphs/{number}"));
        let inbox = salver.inbox(&Recipient::user(owner));
        if let Err(error) = inbox.retract(&about_it).await {
            error.log();
        }
        messages
            .to("/")
            .success(format!("Graph {} deleted.", graph.name))
            .await;
    }
    Redirect::to("/").see_other()
}

#[get("/graphs/{number}")]
async fn show_graph(request: HttpRequest, number: Path<u64>, graphs: Data<Graphs>) -> HttpResponse {
    match graphs.name(*number) {
        Some(name) => page(
            &request,
            "Graph",
            &format!(r#"<p class="salver-card">{}</p>"#, escape(&name)),
        ),
        None => HttpResponse::NotFound().body("There is no such graph."),
    }
}

#[get("/")]
async fn home(request: HttpRequest, session: Session, graphs: Data<Graphs>) -> HttpResponse {
    let Some((id, _)) = user(&session) else {
        let buttons = USERS.map(|(id, name)| {
            format!(r#"<button name="user" value="{id}">Log in as {name}</button> "#)
        });
        let form = format!(
            r#"<form class="salver-card" method="post" action="/login"><p class="salver-row">{}</p></form>"#,
            buttons.concat()
        );
        return page(&request, "Log in", &form);
    };
    let rows = graphs.with(|graphs| {
        let rows = graphs.iter().map(|(number, graph)| {
            let delete = match graph.owner == id {
                true => format!(r#"<button formaction="/graphs/{number}/delete">Delete</button>"#),
                false => String::new(),
            };
            format!(
                r#"<li><a href="/graphs/{number}">{}</a> <form method="post"><p class="salver-row">
<button formaction="/graphs/{number}/share">Share</button> {delete}</p></form></li>"#,
                escape(&graph.name)
            )
        });
        rows.collect::<String>()
    });
    let upload = r#"<form class="salver-card" method="post" action="/graphs">
<label>Name <input name="name" required></label> <button class="salver-primary">Upload</button></form>"#;
    page(
        &request,
        "Graphs",
        &format!(r#"{upload}<ul class="salver-rows salver-card">{rows}</ul>"#),
    )
}

#[derive(Deserialize)]
struct Login {
    user: u64,
}

#[post("/login")]
async fn login(
    session: Session,
    messages: Messages,
    form: Form<Login>,
) -> actix_web::Result<impl Responder> {
    session.renew();
    session.insert("user", form.user)?;
    messages.renew().await?;
    Ok(Redirect::to("/").see_other())
}

#[post("/logout")]
async fn logout(session: Session, messages: Messages) -> Result<impl Responder, Error> {
    session.clear();
    session.renew();
    messages.close_session().await?;
    Ok(Redirect::to("/").see_other())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A page of the site in its layout.
fn page(request: &HttpRequest, title: &str, main: &str) -> HttpResponse {
    let main = format!("<h1>{title}</h1>{main}");
    let html = layout(request, title, "", "en", "ltr", &main);
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(html)
}

/// The layout of the site, which the inbox has too.
fn layout(
    request: &HttpRequest,
    title: &str,
    head: &str,
    language: &str,
    direction: &str,
    main: &str,
) -> String {
    let navigation = match user(&request.get_session()) {
        Some((_, name)) => format!(
            r#"<a href="/">Graphs</a> <a href="/salver/inbox">Notifications <salver-bell></salver-bell></a>
<form method="post" action="/logout"><button>Log out {name}</button></form>"#
        ),
        None => r#"<a href="/">GraphSpace</a>"#.to_owned(),
    };
    let routes = Routes::default().head_html();
    let title = escape(title);
    format!(
        r#"<!doctype html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · GraphSpace</title>
{routes}{head}
</head>
<body class="salver-page">
<header><nav aria-label="Site">{navigation}</nav></header>
<main><salver-messages></salver-messages>{main}</main>
</body>
</html>
"#
    )
}

/// The sentence for a row of several notifications.
fn words(message: &Message) -> Option<Translation> {
    let argument = |name: &str| {
        let (_, value) = message.args().find(|(argument, _)| *argument == name)?;
        Some(value.to_string())
    };
    match message.get_key()? {
        "salver-inbox-group-graph.uploaded" => {
            Some(format!("{} graphs uploaded.", argument("count")?).into())
        }
        _ => None,
    }
}

/// Returns what the users have said about themselves; a site asks its database for all of them at once.
async fn profiles(who: Vec<Recipient>) -> Result<Vec<Profile>, Error> {
    let profile = |who: Recipient| {
        let mut users = USERS.into_iter();
        let (_, name) = users.find(|(id, _)| who.user_id() == Some(&id.to_string()))?;
        let address = format!("{}@example.org", name.to_lowercase());
        Some(
            Profile::new(who)
                .email(address)
                .name(name)
                .time_zone("Europe/Berlin"),
        )
    };
    Ok(who.into_iter().filter_map(profile).collect())
}

/// Starts to send mails, if there is a server for them.
fn start_worker(salver: &Salver) -> Result<Option<RunningWorker>, Error> {
    let Ok(url) = env::var("SMTP_URL") else {
        return Ok(None);
    };
    let mailer = Mailer::smtp(&url)?.from("GraphSpace <notify@graphspace.example>");
    let worker = salver.worker().mail(mailer).profiles(profiles);
    worker.start().map(Some)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    // A site loads its key, so that sessions and links in mails survive a restart.
    let key = Key::generate();
    let mut salver = Salver::builder("graphspace");
    if let Ok(url) = env::var("REDIS_URL") {
        salver = salver.redis(&url);
    }
    if env::var("SMTP_URL").is_ok() {
        salver = salver
            .site(format!("http://{address}"))
            .secret(key.signing());
    }
    let salver = salver.default_cadence("group", Cadence::AtOnce).build()?;
    let worker = start_worker(&salver)?;
    let graphs = Data::new(Graphs::default());
    let app = move || {
        let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key.clone())
            // For plain HTTP on this machine. A site with TLS keeps the default.
            .cookie_secure(false)
            .build();
        let middleware = salver
            .middleware()
            .session(SessionSource::actix_session())
            // The person comes from the session, never from the request itself.
            .recipient(|request| user(&request.get_session()).map(|(id, _)| Recipient::user(id)))
            .translate(|_| words)
            .layout(|request, page: Page| {
                let (title, head) = (&page.title, &page.head_html);
                let (language, direction) = (&page.language, &page.direction);
                layout(request, title, head, language, direction, &page.main_html)
            });
        let inbox = salver.inbox_routes();
        let inbox = inbox
            .kinds([("graph", "Graphs"), ("group", "Group")])
            .daily_mail(8)
            .profiles(profiles)
            .login("/");
        let graphs_of_links = graphs.clone();
        // A graph that was deleted leads to the list.
        let inbox = inbox.link(move |notification| {
            let subject = notification.get_subject().unwrap_or_default().to_owned();
            let number = subject
                .strip_prefix("graphs/")
                .and_then(|number| number.parse().ok());
            let exists = number.is_some_and(|number| graphs_of_links.name(number).is_some());
            std::future::ready(exists.then(|| format!("/{subject}")))
        });
        App::new()
            .wrap(middleware)
            .wrap(sessions)
            .app_data(graphs.clone())
            .service(salver.routes())
            .service(inbox)
            .service(salver.mail_routes())
            .service(home)
            .service(login)
            .service(logout)
            .service(upload_graph)
            .service(share_graph)
            .service(delete_graph)
            .service(show_graph)
    };
    let server = HttpServer::new(app).bind(&address)?;
    println!("GraphSpace on http://{address}");
    server.run().await?;
    if let Some(worker) = worker {
        worker.stop().await;
    }
    Ok(())
}
