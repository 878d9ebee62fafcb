//! A wiki with documents in languages: people watch a document, or a language, and are notified once of each edit.
//!
//! Run it: `cargo run --example wiki --features events`, open http://127.0.0.1:8080/, and log in as Ada in one browser
//! and as Bob in another. Bob watches a document and its language; Ada edits it; Bob's bell counts one. Visitors watch
//! with their address, and confirm it by a link. Mails are printed. With `SMTP_URL=smtp://127.0.0.1:2525` they are sent:
//! `python3 -m aiosmtpd --nosetuid --listen 127.0.0.1:2525` prints what it receives. With `REDIS_URL` subscriptions
//! and notifications are in Redis and survive a restart.

use std::collections::BTreeMap;
use std::env;
use std::future::{Ready, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionExt, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::http::header::ContentType;
use actix_web::web::{Data, Form, Path, Redirect};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, Result, get, post};
use salver::events::{Event, EventType, Subscribed, Subscription};
use salver::jobs::{Profile, RunningWorker};
use salver::mail::{Cadence, Mailer};
use salver::web::{Page, Routes, SessionSource};
use salver::{Error, Message, Messages, Recipient, Salver};
use serde::{Deserialize, Serialize};

/// The two ways to watch. `subject`, here the document, narrows every type.
const EDIT_DOCUMENT: EventType = EventType::new("wiki.edit.document", &[]);
const EDIT_IN_LANGUAGE: EventType = EventType::new("wiki.edit.language", &["language"]);

/// The view of the page of a document.
const DOCUMENT: &str = "documents/{number}";
const USERS: [(u64, &str); 3] = [(1, "Ada"), (2, "Bob"), (3, "Eve")];

#[derive(Clone)]
struct Document {
    language: &'static str,
    title: String,
    text: String,
}

/// A site has a database.
#[derive(Default)]
struct Wiki {
    documents: Mutex<BTreeMap<u32, Document>>,
    /// The addresses of users.
    addresses: Mutex<BTreeMap<u64, Recipient>>,
}

impl Wiki {
    fn document(&self, number: u32) -> Option<Document> {
        lock(&self.documents).get(&number).cloned()
    }

    /// Returns the language of the document; `None` if it does not exist.
    fn edit(&self, number: u32, revision: &Revision) -> Option<&'static str> {
        let mut documents = lock(&self.documents);
        let document = documents.get_mut(&number)?;
        document.title.clone_from(&revision.title);
        document.text.clone_from(&revision.text);
        Some(document.language)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn subject(number: u32) -> String {
    format!("documents/{number}")
}

fn edits_of(number: u32, document: &Document) -> Subscription {
    let edits = EDIT_DOCUMENT.subscription().subject(subject(number));
    // A description is one line of a mail.
    let title: String = document.title.chars().take(50).collect();
    edits.described(format!("edits of “{title}”"))
}

fn edits_in(language: &str) -> Subscription {
    let edits = EDIT_IN_LANGUAGE.subscription().filter("language", language);
    edits.described(format!("edits in {}", language_name(language)))
}

/// The data of an event.
#[derive(Serialize, Deserialize)]
struct Edit {
    editor: String,
    number: u32,
    title: String,
}

/// Returns one event for both ways to watch: a person who watches in both ways gets one notification.
fn edited(language: &str, edit: &Edit) -> Event {
    let in_language = EDIT_IN_LANGUAGE.event().filter("language", language);
    let event = EDIT_DOCUMENT.event().subject(subject(edit.number));
    event.also(in_language).data(edit)
}

/// Starts the worker that notifies people: in their inbox, and by mail if they have an address.
fn start_worker(salver: &Salver, wiki: Data<Wiki>) -> Result<RunningWorker, Error> {
    let mailer = match env::var("SMTP_URL") {
        Ok(url) => Mailer::smtp(&url)?.from("Wiki <notify@wiki.example>"),
        Err(_) => Mailer::memory().body(|letter| {
            println!(
                "Mail to {}: {}\n\n{}",
                letter.to, letter.subject, letter.text
            );
            None
        }),
    };
    let worker = salver
        .worker()
        .mail(mailer)
        .profiles(move |asked| profiles(&wiki, &asked));
    let worker = worker.render(&EDIT_DOCUMENT, |event, _matched| async move {
        let edit: Edit = event.get_data()?;
        let text = format!("{} edited “{}”.", edit.editor, edit.title);
        Ok(Message::info(text).action("Read it", format!("/documents/{}", edit.number)))
    });
    worker.start()
}

/// Returns the profiles of users, by their ids and by their addresses.
fn profiles(wiki: &Wiki, asked: &[Recipient]) -> Ready<Result<Vec<Profile>, Error>> {
    let addresses = lock(&wiki.addresses);
    let known = addresses.iter().filter_map(|(id, email)| {
        let user = Recipient::user(id);
        let is_asked = asked.contains(&user) || asked.contains(email);
        is_asked.then(|| Profile::new(user).email(email.address().unwrap_or_default()))
    });
    ready(Ok(known.collect()))
}

#[derive(Deserialize)]
struct Revision {
    title: String,
    text: String,
}

#[post("/documents/{number}")]
async fn save(
    me: Recipient,
    session: Session,
    wiki: Data<Wiki>,
    number: Path<u32>,
    form: Form<Revision>,
    salver: Salver,
    messages: Messages,
) -> Result<impl Responder> {
    let Some(language) = wiki.edit(*number, &form) else {
        return gone(messages).await;
    };
    let editor = user(&session).map_or("", |(_, name)| name).to_owned();
    let number = number.into_inner();
    let edit = Edit {
        editor,
        number,
        title: form.into_inner().title,
    };
    // After the edit is stored; an error is logged, and the edit stays. The editor is not notified.
    let event = edited(language, &edit).except([me]);
    salver.publish(event).await.unwrap_or_else(Error::log);
    messages.to(DOCUMENT).success("Saved.").await;
    Ok(to(format!("/documents/{number}")))
}

#[post("/documents/{number}/delete")]
async fn delete(
    _me: Recipient,
    wiki: Data<Wiki>,
    number: Path<u32>,
    salver: Salver,
    messages: Messages,
) -> Result<impl Responder> {
    let Some(document) = lock(&wiki.documents).remove(&number) else {
        return gone(messages).await;
    };
    let removed = salver.remove_subject(&subject(*number)).await;
    removed.unwrap_or_else(Error::log);
    let text = format!(
        "“{}” is deleted, and its subscriptions have ended.",
        document.title
    );
    messages.to("/").success(text).await;
    Ok(to("/"))
}

/// What a person watches.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Document,
    Language,
}

impl Scope {
    fn of(self, number: u32, document: &Document) -> Subscription {
        match self {
            Self::Document => edits_of(number, document),
            Self::Language => edits_in(document.language),
        }
    }
}

#[derive(Deserialize)]
struct Watch {
    scope: Scope,
    /// Visitors enter their address.
    email: Option<String>,
}

#[post("/documents/{number}/watch")]
async fn watch(
    request: HttpRequest,
    me: Option<Recipient>,
    wiki: Data<Wiki>,
    number: Path<u32>,
    form: Form<Watch>,
    salver: Salver,
    messages: Messages,
) -> Result<impl Responder> {
    let Some(document) = wiki.document(*number) else {
        return gone(messages).await;
    };
    let (messages, back) = (messages.to(DOCUMENT), to(format!("/documents/{number}")));
    let address = form.email.as_deref().unwrap_or_default();
    let Ok(recipient) = me.map_or_else(|| Recipient::email(address), Ok) else {
        messages.error("That is no e-mail address.").await;
        return Ok(back);
    };
    let mut subscription = form.scope.of(*number, &document);
    let text = format!("You watch {}.", description(&subscription));
    // Limits how many addresses one network can have mailed.
    if let Some(peer) = request.peer_addr() {
        subscription = subscription.requested_by(peer.ip());
    }
    let text = match salver.subscribe(&recipient, subscription).await? {
        Subscribed::AwaitingActivation => "Open the link that we have sent you.",
        _ => &text,
    };
    messages.success(text).await;
    Ok(back)
}

#[post("/documents/{number}/unwatch")]
async fn unwatch(
    me: Recipient,
    wiki: Data<Wiki>,
    number: Path<u32>,
    form: Form<Watch>,
    salver: Salver,
    messages: Messages,
) -> Result<impl Responder> {
    let Some(document) = wiki.document(*number) else {
        return gone(messages).await;
    };
    let subscription = form.scope.of(*number, &document);
    salver.unsubscribe(&me, &subscription).await?;
    let text = format!("You no longer watch {}.", description(&subscription));
    messages.to(DOCUMENT).success(text).await;
    Ok(to(format!("/documents/{number}")))
}

fn description(subscription: &Subscription) -> &str {
    subscription.get_description().unwrap_or_default()
}

/// Returns the value by which a form names a subscription.
fn key(subscription: &Subscription) -> String {
    serde_json::json!(subscription).to_string()
}

#[get("/subscriptions")]
async fn subscriptions(
    request: HttpRequest,
    me: Option<Recipient>,
    wiki: Data<Wiki>,
    salver: Salver,
) -> Result<HttpResponse> {
    let Some(me) = me else {
        return Ok(page(&request, "Log in", &login_form()));
    };
    let active = salver.subscriptions(&me).await?;
    let rows = active.iter().map(|subscription| {
        let link = subscription.get_subject().and_then(|subject| {
            let number: u32 = subject.strip_prefix("documents/")?.parse().ok()?;
            let documents = lock(&wiki.documents);
            let title = escape(&documents.get(&number)?.title);
            Some(format!(
                r#"<a href="/documents/{number}" aria-label="Open it: {title}">Open it</a>"#
            ))
        });
        let kind = match subscription.get_subject() {
            Some(_) => "One document",
            None => "One language",
        };
        format!(
            r#"<li><p><small>{kind}</small><br> <span dir="auto">{description}</span> {link}</p>
<form method="post"><input type="hidden" name="subscription" value="{key}">
<button aria-label="End {description}">End</button></form></li>"#,
            description = escape(description(subscription)),
            link = link.unwrap_or_default(),
            key = escape(&key(subscription)),
        )
    });
    let rows: String = rows.collect();
    let main = match rows.is_empty() {
        true => r#"<p>You watch nothing. Open <a href="/">a document</a> to watch it.</p>"#.into(),
        false => format!(r#"<ul class="salver-rows salver-card">{rows}</ul>"#),
    };
    Ok(page(&request, "My subscriptions", &main))
}

#[derive(Deserialize)]
struct End {
    subscription: String,
}

#[post("/subscriptions")]
async fn end_subscription(
    me: Recipient,
    form: Form<End>,
    salver: Salver,
    messages: Messages,
) -> Result<impl Responder> {
    let active = salver.subscriptions(&me).await?;
    let ended = active.iter().find(|one| key(one) == form.subscription);
    match ended {
        Some(ended) => {
            salver.unsubscribe(&me, ended).await?;
            let text = format!("You no longer watch {}.", description(ended));
            messages.success(text).await;
        }
        None => messages.info("That had ended before.").await,
    }
    Ok(to("/subscriptions"))
}

#[get("/profile")]
async fn profile(request: HttpRequest, session: Session, wiki: Data<Wiki>) -> HttpResponse {
    let Some((id, _)) = user(&session) else {
        return page(&request, "Log in", &login_form());
    };
    let addresses = lock(&wiki.addresses);
    let address = addresses.get(&id).and_then(Recipient::address);
    let main = format!(
        r#"<form class="salver-card" method="post">
<label>E-mail address <input type="email" name="email" value="{}" autocomplete="email"></label>
<p>What you watch as a visitor with this address becomes yours.</p>
<button class="salver-primary">Save</button></form>"#,
        escape(address.unwrap_or_default())
    );
    page(&request, "Profile", &main)
}

#[derive(Deserialize)]
struct Address {
    email: String,
}

#[post("/profile")]
async fn save_profile(
    me: Recipient,
    session: Session,
    wiki: Data<Wiki>,
    form: Form<Address>,
    salver: Salver,
    messages: Messages,
) -> Result<impl Responder> {
    // A site does this when the user has opened a link that was mailed to the address.
    let Ok(address) = Recipient::email(&form.email) else {
        messages.error("That is no e-mail address.").await;
        return Ok(to("/profile"));
    };
    if let Some((id, _)) = user(&session) {
        lock(&wiki.addresses).insert(id, address.clone());
    }
    salver.merge(&address, &me).await?;
    messages.success("Saved.").await;
    Ok(to("/profile"))
}

#[get("/")]
async fn home(request: HttpRequest, wiki: Data<Wiki>) -> HttpResponse {
    let documents = lock(&wiki.documents);
    let rows = documents.iter().map(|(number, document)| {
        let Document { language, title, .. } = document;
        format!(
            r#"<li><a href="/documents/{number}" lang="{language}" dir="auto">{}</a> <small>{}</small></li>"#,
            escape(title),
            language_name(language)
        )
    });
    let rows: String = rows.collect();
    page(
        &request,
        "Documents",
        &format!(r#"<ul class="salver-rows salver-card">{rows}</ul>"#),
    )
}

#[get("/documents/{number}")]
async fn show(
    request: HttpRequest,
    me: Option<Recipient>,
    wiki: Data<Wiki>,
    number: Path<u32>,
    salver: Salver,
    messages: Messages,
) -> Result<HttpResponse> {
    let Some(document) = wiki.document(*number) else {
        let redirect = gone(messages).await?.respond_to(&request);
        return Ok(redirect.map_into_boxed_body());
    };
    let Document { language, .. } = document;
    let (title, text) = (escape(&document.title), escape(&document.text));
    let form = watch_form(*number, &document, me.as_ref(), &salver).await?;
    let edit = format!(
        r#"<section><h2>Edit</h2><form method="post">
<label>Title <input name="title" value="{title}" lang="{language}" dir="auto" maxlength="200" required></label>
<label>Text <textarea name="text" rows="6" lang="{language}" dir="auto">{text}</textarea></label>
<p class="salver-row"><button class="salver-primary">Save</button>
<button formaction="/documents/{number}/delete" formnovalidate>Delete</button></p></form></section>"#
    );
    let main = format!(
        r#"<p><small>{}</small></p><article class="salver-card" lang="{language}" dir="auto" style="white-space: pre-line">{text}</article>{form}{}"#,
        language_name(language),
        me.map_or("", |_| &edit)
    );
    Ok(page(&request, &title, &main))
}

/// The buttons to watch a document and its language, or to stop that. Visitors enter their address.
async fn watch_form(
    number: u32,
    document: &Document,
    me: Option<&Recipient>,
    salver: &Salver,
) -> Result<String, Error> {
    let language = format!("edits in {}", language_name(document.language));
    let mut buttons = String::new();
    for (scope, name, subscription) in [
        ("document", "this document", edits_of(number, document)),
        ("language", &language, edits_in(document.language)),
    ] {
        let is_watched = match me {
            Some(me) => salver.is_subscribed(me, &subscription).await?,
            None => false,
        };
        let (path, words) = match is_watched {
            true => ("unwatch", "Stop watching"),
            false => ("watch", "Watch"),
        };
        buttons += &format!(
            r#"<button name="scope" value="{scope}" formaction="/documents/{number}/{path}">{words} {name}</button>"#
        );
    }
    let address = r#"<label>E-mail address
<input type="email" name="email" autocomplete="email" required></label>"#;
    Ok(format!(
        r#"<section><h2>Notifications of edits</h2>
<form method="post">{}<p class="salver-row">{buttons}</p></form></section>"#,
        me.map_or(address, |_| "")
    ))
}

fn login_form() -> String {
    let buttons = USERS.map(|(id, name)| {
        format!(r#"<button name="user" value="{id}">Log in as {name}</button> "#)
    });
    format!(
        r#"<form class="salver-card" method="post" action="/login"><p class="salver-row">{}</p></form>"#,
        buttons.concat()
    )
}

#[get("/login")]
async fn choose_user(request: HttpRequest) -> HttpResponse {
    page(&request, "Log in", &login_form())
}

#[derive(Deserialize)]
struct Login {
    user: u64,
}

#[post("/login")]
async fn login(session: Session, messages: Messages, form: Form<Login>) -> Result<impl Responder> {
    session.renew();
    session.insert("user", form.user)?;
    messages.renew().await?;
    Ok(to("/"))
}

#[post("/logout")]
async fn logout(session: Session, messages: Messages) -> Result<impl Responder> {
    session.clear();
    session.renew();
    messages.close_session().await?;
    Ok(to("/"))
}

/// Returns the user who is logged in.
fn user(session: &Session) -> Option<(u64, &'static str)> {
    let id: u64 = session.get("user").ok()??;
    USERS.into_iter().find(|(user, _)| *user == id)
}

fn language_name(language: &str) -> &'static str {
    match language {
        "de" => "German",
        "fr" => "French",
        _ => "English",
    }
}

fn to(path: impl Into<std::borrow::Cow<'static, str>>) -> Redirect {
    Redirect::to(path).see_other()
}

async fn gone(messages: Messages) -> Result<Redirect> {
    messages.to("/").error("There is no such document.").await;
    Ok(to("/"))
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}

/// A page of the site in its layout. `title`: escaped.
fn page(request: &HttpRequest, title: &str, main: &str) -> HttpResponse {
    let main = format!(r#"<h1 dir="auto">{title}</h1>{main}"#);
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
            r#"<a href="/salver/inbox">Notifications <salver-bell></salver-bell></a> <a href="/subscriptions">My subscriptions</a>
<a href="/profile">Profile</a> <form method="post" action="/logout"><button>Log out {name}</button></form>"#
        ),
        None => r#"<a href="/login">Log in</a>"#.to_owned(),
    };
    let routes = Routes::default().head_html();
    format!(
        r#"<!doctype html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Wiki</title>
{routes}{head}
</head>
<body class="salver-page">
<header><nav aria-label="Site"><a href="/"><b>Wiki</b></a> {navigation}</nav></header>
<main><salver-messages></salver-messages>{main}</main>
</body>
</html>
"#
    )
}

fn first_documents() -> BTreeMap<u32, Document> {
    let documents = [
        (
            1,
            "en",
            "Harbours",
            "A harbour is a place where ships find shelter.",
        ),
        (2, "de", "Häfen", "Häfen schützen Schiffe."),
        (
            3,
            "de",
            "Leuchttürme",
            "Leuchttürme weisen Schiffen bei Nacht den Weg.",
        ),
        (
            4,
            "fr",
            "Phares",
            "Un phare guide les navires pendant la nuit.",
        ),
    ];
    let document = |(number, language, title, text): (_, _, &str, &str)| {
        let (title, text) = (title.to_owned(), text.to_owned());
        (
            number,
            Document {
                language,
                title,
                text,
            },
        )
    };
    documents.map(document).into()
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    // A site loads its key, so that sessions and links in mails survive a restart.
    let key = Key::generate();
    let mut salver = Salver::builder("wiki")
        // Links in mails lead there, and are signed.
        .site(format!("http://{address}"))
        .secret(key.signing())
        .default_cadence("wiki", Cadence::AtOnce);
    if let Ok(url) = env::var("REDIS_URL") {
        salver = salver.redis(&url);
    }
    let salver = salver.build()?;
    let wiki = Data::new(Wiki {
        documents: Mutex::new(first_documents()),
        addresses: Mutex::default(),
    });
    let worker = start_worker(&salver, wiki.clone())?;
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
            .layout(|request, page: Page| {
                let (title, head) = (escape(&page.title), &page.head_html);
                let (language, direction) = (&page.language, &page.direction);
                layout(request, &title, head, language, direction, &page.main_html)
            });
        let (of_mails, of_links) = (wiki.clone(), wiki.clone());
        let inbox = salver
            .inbox_routes()
            .kinds([("wiki", "Edits")])
            .profiles(move |asked| profiles(&of_mails, &asked))
            .login("/login");
        // The notification of an edit of a document that was deleted leads to the list.
        let inbox = inbox.link(move |notification| {
            let documents = lock(&of_links.documents);
            let exists = |number: &u32| documents.contains_key(number);
            let number = notification.get_subject().and_then(|subject| {
                subject
                    .strip_prefix("documents/")?
                    .parse()
                    .ok()
                    .filter(exists)
            });
            ready(number.map(|number: u32| format!("/documents/{number}")))
        });
        App::new()
            .wrap(middleware)
            .wrap(sessions)
            .app_data(wiki.clone())
            .service(salver.routes())
            .service(inbox)
            // The pages by which people confirm and end what they are mailed.
            .service(salver.mail_routes())
            .service((home, show, save, delete, watch, unwatch))
            .service((subscriptions, end_subscription, profile, save_profile))
            .service((choose_user, login, logout))
    };
    let server = HttpServer::new(app).bind(&address)?;
    println!("Wiki on http://{address}");
    server.run().await?;
    worker.stop().await;
    Ok(())
}
