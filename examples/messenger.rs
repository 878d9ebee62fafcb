//! A messenger: letters to one person by their code, or to all who are online, and the history of each.
//!
//! Run it: `cargo run --example messenger --features inbox,live`, open http://127.0.0.1:8080/ in two
//! browsers, register in each, and write to each other. With `REDIS_URL` the letters are in Redis, with
//! `DATABASE_URL`, such as `sqlite:messenger.db?mode=rwc`, the people are in a file: both survive a restart.

use std::env;

use actix_session::config::PersistentSession;
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionExt, SessionMiddleware};
use actix_web::cookie::{Key, time::Duration};
use actix_web::error::ErrorInternalServerError as Internal;
use actix_web::web::{self, Data, Form, Html, Query, Redirect};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Result, get, post};
use salver::web::{Page, Routes, SessionSource};
use salver::{Message, MessageId, Messages, Notification, Recipient, Salver};
use serde::Deserialize;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

const TITLE: &str = "salver-inbox-title";
/// Longest letter, in characters.
const MAX_LETTER: usize = 1_000;
/// What a code consists of: nothing that looks alike.
const CODE: &[u8] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
const CSS: &str = "
main { display: grid; gap: 1rem } main > * { margin: 0; min-inline-size: 0 }
salver-messages { display: contents } main .salver-messages { margin: 0 }
.enter { inline-size: min(20rem, 100%); margin: 10vh auto }
main .salver-inbox { max-inline-size: none; margin: 0 }
@media (min-width: 48rem) {
  body:has(aside) { --salver-width: 64rem } main:has(aside) { grid-template-columns: 1fr 16rem } main:has(aside) > * { grid-column: 1 }
  main:has(aside) > aside { grid-column: 2; grid-row: 1 / span 9; align-self: start }
}";
const LETTERS: &str = "/letters?tab=all";

/// A person: name and code. The code is their id: it is never used again, even in a new database.
type User = (String, String);

fn user(session: &Session) -> Option<User> {
    session.get("user").ok()?
}

/// Finds a person, and the hash of their password, by their name or code.
async fn find(users: &SqlitePool, by: &str, value: String) -> Result<Option<(User, String)>> {
    let query = format!("SELECT name, code, password FROM users WHERE {by} = ?");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(value);
    let found: Option<(_, _, _)> = query.fetch_optional(users).await.map_err(Internal)?;
    Ok(found.map(|(name, code, password)| ((name, code), password)))
}

fn to(path: &'static str) -> Result<Redirect> {
    Ok(Redirect::to(path).see_other())
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
    is_new: Option<String>,
}

/// Logs a person in, or registers them.
#[post("/")]
async fn enter(
    session: Session,
    messages: Messages,
    users: Data<SqlitePool>,
    form: Form<Credentials>,
) -> Result<Redirect> {
    let (name, password) = (form.name.trim().to_owned(), form.password.clone());
    let user: Result<User, &str> = if form.is_new.is_none() {
        let known = find(&users, "name", name).await?;
        let verify = |known: &(User, String)| password_auth::verify_password(password, &known.1);
        let known = web::block(|| known.filter(|known| verify(known).is_ok()));
        let known = known.await?.map(|(user, _)| user);
        known.ok_or("Name and password do not match.")
    } else if name.is_empty() || name.chars().count() > 40 || password.chars().count() < 8 {
        Err("A name has up to 40 characters, a password at least 8.")
    } else {
        let hash = web::block(|| password_auth::generate_hash(password)).await?;
        let code = (0..8).filter_map(|_| fastrand::choice(CODE));
        let code: String = code.map(|digit| char::from(*digit)).collect();
        let insert = "INSERT INTO users VALUES (?, ?, ?) RETURNING name, code";
        let added = sqlx::query_as(insert).bind(name).bind(code).bind(hash);
        match added.fetch_one(&**users).await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err("That name is taken.")
            }
            added => Ok(added.map_err(Internal)?),
        }
    };
    match user {
        Ok(user) => {
            session.renew();
            session.insert("user", user)?;
            messages.renew().await?;
            to(LETTERS)
        }
        Err(reason) => {
            messages.error(reason).await;
            to("/")
        }
    }
}

#[post("/logout")]
async fn logout(session: Session, messages: Messages) -> Result<Redirect> {
    session.clear();
    session.renew();
    messages.close_session().await?;
    to("/")
}

#[derive(Deserialize)]
struct Letter {
    /// The same for each attempt to send one letter, so that it arrives once.
    id: MessageId,
    to: String,
    text: String,
    to_all: Option<String>,
}

#[post("/send")]
async fn send(
    me: Recipient,
    session: Session,
    salver: Salver,
    messages: Messages,
    users: Data<SqlitePool>,
    form: Form<Letter>,
) -> Result<Redirect> {
    let (code, text) = (form.to.trim(), form.text.replace("\r\n", "\n"));
    let messages = messages.to("/letters");
    let Some((sender, own_code)) = user(&session) else {
        return to("/");
    };
    if text.trim().is_empty() || text.chars().count() > MAX_LETTER {
        let reason = format!("A letter has 1 to {MAX_LETTER} characters. It was not sent.");
        messages.error(reason).await;
        return to(LETTERS);
    }
    let (recipients, name) = if form.to_all.is_some() {
        let mut others = salver.online().await?;
        others.retain(|other| *other != me);
        let name = format!("all online ({})", others.len());
        (others, name)
    } else {
        let Some(((name, code), _)) = find(&users, "code", code.to_uppercase()).await? else {
            let reason = format!("No one has the code “{code}”. Your letter was: {text}");
            messages.error(reason).await;
            return to(LETTERS);
        };
        (vec![Recipient::user(code)], name)
    };
    let letter = |title: &str| Message::info(&text).with_id(form.id).title(title);
    let received = letter(&sender).action("Reply", format!("{LETTERS}&to={own_code}"));
    let received = Notification::new("letter", received);
    salver.notify(recipients, received).await?;
    // The history of the sender has it too, and their bell does not.
    let sent = Notification::new("letter", letter(&format!("To {name}")));
    salver.notify([me], sent.already_read()).await?;
    messages.success(format!("Sent to {name}.")).await;
    to(LETTERS)
}

/// Who is online, for those who are logged in.
#[get("/people")]
async fn people(me: Recipient, salver: Salver, users: Data<SqlitePool>) -> Result<Html> {
    let online = salver.online().await?;
    let codes: Vec<_> = online.iter().filter_map(Recipient::user_id).collect();
    let find = "SELECT name, code FROM users, json_each(?) WHERE code = value ORDER BY name";
    let online = sqlx::query_as(find).bind(serde_json::to_string(&codes)?);
    let online: Vec<User> = online.fetch_all(&**users).await.map_err(Internal)?;
    let rows = online.iter().map(|(name, code)| {
        let (name, you) = (escape(name), Recipient::user(code) == me);
        let you = if you { " (you)" } else { "" };
        format!(r#"<li><span><a href="{LETTERS}&amp;to={code}">{name}</a>{you}</span> <code>{code}</code></li>"#)
    });
    Ok(Html::new(format!(
        r#"<ul class="salver-rows">{}</ul>"#,
        rows.collect::<String>()
    )))
}

#[get("/")]
async fn home(session: Session) -> HttpResponse {
    if user(&session).is_some() {
        let location = ("location", LETTERS);
        return HttpResponse::SeeOther().insert_header(location).finish();
    }
    let main = r#"<form class="enter salver-card" method="post"><h1>Messenger</h1>
<label>Name <input name="name" maxlength="40" autocomplete="username" required></label>
<label>Password <input name="password" type="password" minlength="8" autocomplete="current-password" required></label>
<p class="salver-row"><button class="salver-primary">Log in</button> <button name="is_new" value="1">Register</button></p></form>"#;
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(layout("Welcome", "", "", main))
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}

/// The letters of a person, with the form for a new one, and who is online.
fn letters(request: &HttpRequest, page: &Page) -> String {
    let Some((name, code)) = user(&request.get_session()) else {
        return layout(&page.title, &page.head_html, "", &page.main_html);
    };
    let query = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let query = query.map(Query::into_inner).unwrap_or_default();
    let to = query.into_iter().find(|(name, _)| name == "to");
    let (name, to) = (escape(&name), escape(&to.unwrap_or_default().1));
    let navigation = format!(
        r#"<a href="/letters">Unread <salver-bell></salver-bell></a>
<form method="post" action="/logout">{name}, your code is <code>{code}</code> <button>Log out</button></form>"#
    );
    let (id, list) = (MessageId::new(), &page.main_html);
    let main = format!(
        r#"<form class="write salver-card" method="post" action="/send" aria-label="New letter">
<input type="hidden" name="id" value="{id}">
<label>To <input name="to" value="{to}" placeholder="Code" autocomplete="off"></label>
<label>Letter <textarea name="text" rows="3" maxlength="{MAX_LETTER}" required></textarea></label>
<p class="salver-row"><button class="salver-primary">Send</button> <button name="to_all" value="1">Send to all online</button></p></form>
{list}<aside class="salver-card"><h2>Online</h2><salver-online src="/people"></salver-online></aside>"#
    );
    layout(&page.title, &page.head_html, &navigation, &main)
}

fn layout(title: &str, head: &str, navigation: &str, main: &str) -> String {
    let (title, routes) = (escape(title), Routes::default().head_html());
    format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Messenger</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{routes}{head}
<style>{CSS}</style></head><body class="salver-page"><header><a href="/"><b>Messenger</b></a>{navigation}</header>
<main><salver-messages></salver-messages>{main}</main></body></html>"#
    )
}

/// Opens the database, which also keeps the key of the sessions, so that they survive a restart.
async fn open(url: &str) -> Result<(SqlitePool, Key), sqlx::Error> {
    // More connections would be more databases in memory.
    let options = SqlitePoolOptions::new().max_connections(1);
    let options = options.idle_timeout(None).max_lifetime(None);
    let users = options.connect(url).await?;
    let tables =
        "CREATE TABLE IF NOT EXISTS users (name TEXT UNIQUE, code TEXT UNIQUE, password TEXT);
        CREATE TABLE IF NOT EXISTS site (id INTEGER PRIMARY KEY, key BLOB NOT NULL)";
    sqlx::raw_sql(tables).execute(&users).await?;
    let key = "INSERT INTO site VALUES (1, ?) ON CONFLICT DO UPDATE SET id = 1 RETURNING key";
    let key = sqlx::query_scalar(key).bind(Key::generate().master().to_vec());
    let key: Vec<u8> = key.fetch_one(&users).await?;
    Ok((users, Key::from(&key)))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let (users, key) = open(&variable("DATABASE_URL", "sqlite::memory:")).await?;
    let salver = match env::var("REDIS_URL") {
        Ok(url) => Salver::redis("messenger", &url)?,
        Err(_) => Salver::memory("messenger")?,
    };
    let address = variable("SALVER_ADDR", "127.0.0.1:8080");
    let app = move || {
        let month = PersistentSession::default().session_ttl(Duration::days(30));
        let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key.clone());
        // Not secure, for plain HTTP on this machine. A site with TLS keeps the default.
        let sessions = sessions.session_lifecycle(month).cookie_secure(false);
        let title = |word: &Message| (word.get_key()? == TITLE).then(|| "Letters".into());
        let middleware = salver.middleware().session(SessionSource::actix_session());
        let middleware = middleware
            .recipient(|request| Some(Recipient::user(user(&request.get_session())?.1)))
            .layout(|request, page| letters(request, &page))
            .translate(move |_| title);
        App::new()
            .wrap(middleware)
            .wrap(sessions.build())
            .app_data(Data::new(users.clone()))
            .service(salver.routes())
            .service(salver.inbox_routes().at("/letters").login("/"))
            .service((home, enter, logout, send, people))
    };
    // The server notices a closed page at once: its person is no longer online.
    let server = HttpServer::new(app).h1_allow_half_closed(false);
    let server = server.bind(&address)?.run();
    println!("Messenger on http://{address}");
    Ok(server.await?)
}
