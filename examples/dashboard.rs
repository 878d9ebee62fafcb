//! A small site: settings, a password form, uploads with a background job, login and logout.
//!
//! Run it: `cargo run --example dashboard`, open http://127.0.0.1:8080, and try the forms. An open
//! page shows its messages immediately.
//!
//! `SALVER_ADDR=127.0.0.1:9000` sets another address. `REDIS_URL=redis://127.0.0.1` stores the
//! messages in Redis instead of this process. Then the job of `/uploads` runs in its own process.

use std::env;
use std::error::Error;
use std::process::Command;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, ContentType};
use actix_web::web::{self, Form, Path, Redirect};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, Responder, error, get, middleware::Compress, post,
};
use salver::web::Routes;
use salver::{Autoclose, Context, Level, Message, Messages, Pending, Salver, SessionId, View};
use serde::Deserialize;
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Escapes visitor input for HTML text and attribute values in double quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

const PAGES: [(&str, &str); 5] = [
    ("/", "Overview"),
    ("/dashboard", "Dashboard"),
    ("/settings", "Settings"),
    ("/password", "Password"),
    ("/uploads", "Uploads"),
];

/// The layout. It contains all code of the pages for messages: the slot, and the tags in the head.
fn page(status: StatusCode, title: &str, main: &str) -> HttpResponse {
    let path = PAGES.iter().find(|(_, name)| *name == title);
    // The view of a page is its route without the leading slash.
    let view = path.map(|(path, _)| {
        path.strip_prefix('/')
            .filter(|rest| !rest.is_empty())
            .unwrap_or(path)
    });
    let view = view
        .map(|view| format!(r#" view="{view}""#))
        .unwrap_or_default();
    let links: String = PAGES
        .iter()
        .map(|(path, name)| {
            let current = if *name == title {
                r#" aria-current="page""#
            } else {
                ""
            };
            format!(r#"<a href="{path}"{current}>{name}</a>"#)
        })
        .collect();
    HttpResponse::build(status)
        .content_type(ContentType::html())
        .body(format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Salver</title>
<link rel="icon" href="data:,">
{head}
</head>
<body class="salver-page">
<header><nav aria-label="Pages">{links}</nav></header>
<main>
<h1>{title}</h1>
<salver-messages{view}></salver-messages>
{main}
</main>
<footer><p class="salver-muted">An example of <strong>Salver</strong>: each message appears on one page, and only once.</p></footer>
</body>
</html>"#,
            head = Routes::default().head_html(),
        ))
}

/// Lists the number of pending messages of each view, without showing them.
async fn pending_counts(salver: &Salver, session: &SessionId) -> Result<String, salver::Error> {
    let mut items = String::new();
    for context in salver.contexts(session).await? {
        let (view, count) = (
            escape(context.view().as_str()),
            salver.count(&context).await?,
        );
        let plural = if count == 1 { "message" } else { "messages" };
        items += &format!(
            r#"<li data-view="{view}" data-count="{count}"><code>{view}</code> {count} {plural}</li>"#
        );
    }
    Ok(items)
}

#[get("/")]
async fn overview(salver: Salver, messages: Messages) -> HttpResponse {
    let counts = match messages.session() {
        Some(session) => pending_counts(&salver, &session).await,
        None => Ok(String::new()),
    };
    let counts = match counts {
        Ok(items) if items.is_empty() => "<li>No messages are pending.</li>".to_owned(),
        Ok(items) => items,
        Err(_) => "<li>Redis did not reply in time. Pending messages are kept.</li>".to_owned(),
    };
    let option = |level: &Level| match level {
        Level::Info => format!("<option selected>{level}</option>"),
        _ => format!("<option>{level}</option>"),
    };
    let options: String = Level::ALL.iter().map(option).collect();
    let main = format!(
        r#"<section><h2>Pending messages</h2><ul class="salver-rows">{counts}</ul></section>
<section><h2>Add a message</h2>
<form method="post" action="/messages">
<label>Text <textarea name="text" required maxlength="4096">This appears *once* on the dashboard.</textarea></label>
<label>Title <input name="title" maxlength="256"></label>
<div class="salver-row">
<label>Level <select name="level">{options}</select></label>
<label>View <input name="view" value="dashboard"></label>
<label>Tag <input name="tag" pattern="[A-Za-z0-9._~-]*" maxlength="64"></label>
</div>
<label><input type="checkbox" name="markdown" value="true"> The text is Markdown</label>
<button class="salver-primary">Add the message</button>
</form></section>
<section><h2>Redirects, errors and sessions</h2>
<ul><li><a href="/hop/5">Five redirects, then the dashboard</a></li>
<li><a href="/broken">A page that reads its messages and then fails</a></li></ul>
<div class="salver-row"><form method="post" action="/login"><button>Log in</button></form>
<form method="post" action="/logout"><button>Log out</button></form></div></section>"#
    );
    page(StatusCode::OK, "Overview", &main)
}

#[get("/dashboard")]
async fn dashboard() -> HttpResponse {
    let main = "<p>Messages for the view <code>dashboard</code> appear here, without a reload if the page is open. After a reload they are gone.</p>";
    page(StatusCode::OK, "Dashboard", main)
}

#[get("/settings")]
async fn settings() -> HttpResponse {
    let main = r#"<form class="salver-card" method="post"><label>Language <select name="language"><option>English</option>
<option>Dansk</option></select></label><button class="salver-primary">Save</button></form>"#;
    page(StatusCode::OK, "Settings", main)
}

#[post("/settings")]
async fn save_settings(messages: Messages) -> impl Responder {
    messages
        .success("Your settings have been changed successfully.")
        .await;
    Redirect::to("/settings").see_other()
}

const PASSWORD: &str = r#"<form class="salver-card" method="post"><label>New password <input type="password" name="password"
autocomplete="new-password"></label><button class="salver-primary">Change it</button></form>"#;

#[get("/password")]
async fn password() -> HttpResponse {
    page(StatusCode::OK, "Password", PASSWORD)
}

#[derive(Deserialize)]
struct NewPassword {
    password: String,
}

#[post("/password")]
async fn save_password(messages: Messages, form: Form<NewPassword>) -> HttpResponse {
    if form.password.is_empty() {
        messages.now(Message::error("The password is empty."));
        return page(StatusCode::UNPROCESSABLE_ENTITY, "Password", PASSWORD);
    }
    messages.success("Your password was updated.").await;
    HttpResponse::SeeOther()
        .insert_header(("location", "/password"))
        .finish()
}

#[get("/uploads")]
async fn uploads() -> HttpResponse {
    let main = r#"<form class="salver-card" method="post"><div class="salver-row">
<label>Icons <input type="number" name="icons" value="120" min="1" max="100000"></label>
<label>Seconds <input type="number" name="seconds" value="3" min="0" max="3600"></label></div>
<button class="salver-primary">Import</button></form>
<p>The import runs in the background, and its progress appears here.</p>"#;
    page(StatusCode::OK, "Uploads", main)
}

#[derive(Deserialize)]
struct Upload {
    icons: u32,
    seconds: u32,
}

#[post("/uploads")]
async fn start_upload(
    salver: Salver,
    messages: Messages,
    form: Form<Upload>,
) -> actix_web::Result<impl Responder> {
    let context = messages.context("uploads").await?;
    if env::var_os("REDIS_URL").is_some() {
        let context = serde_json::to_string(&context)?;
        let numbers = [form.icons.to_string(), form.seconds.to_string()];
        let job = Command::new(env::current_exe()?)
            .arg("job")
            .arg(context)
            .args(numbers)
            .spawn()?;
        // Waits for the process on a blocking thread, so that it does not become a zombie.
        drop(web::block(move || { job }.wait()));
    } else {
        actix_web::rt::spawn(async move {
            if let Err(error) = import(&salver, &context, form.icons, form.seconds).await {
                eprintln!("could not add a message of the import: {error}");
            }
        });
    }
    Ok(Redirect::to("/uploads").see_other())
}

/// The job. It needs only the visitor's context, and no request, so it can run in any process.
async fn import(
    salver: &Salver,
    context: &Context,
    icons: u32,
    seconds: u32,
) -> Result<(), salver::Error> {
    let steps = seconds.max(1);
    for step in 0..steps {
        let done = u64::from(icons) * u64::from(step) / u64::from(steps);
        let progress = format!("{done} of {icons} icons are ready.");
        salver
            .add(context, Message::info(progress).tag("import"))
            .await?;
        tokio::time::sleep(Duration::from_secs(seconds.into()) / steps).await;
    }
    let ready = Message::success(format!("{icons} icons are ready.")).tag("import");
    salver.add(context, ready).await?;
    Ok(())
}

#[derive(Deserialize)]
struct NewMessage {
    #[serde(default)]
    level: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    markdown: String,
    #[serde(default)]
    autoclose: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    view: String,
}

impl NewMessage {
    fn build(&self) -> Result<(Message, View), salver::Error> {
        let level = if self.level.is_empty() {
            Level::Info
        } else {
            self.level.parse()?
        };
        let mut message = Message::new(level, &self.text);
        if !self.title.is_empty() {
            message = message.title(&self.title);
        }
        if !self.tag.is_empty() {
            message = message.tag(&self.tag);
        }
        if matches!(self.markdown.as_str(), "on" | "true" | "1") {
            message = message.markdown();
        }
        message = match self.autoclose.as_str() {
            "" => message,
            "never" => message.autoclose(Autoclose::Never),
            millis => message.autoclose(Duration::from_millis(millis.parse().unwrap_or(0))),
        };
        let view = if self.view.is_empty() {
            "dashboard"
        } else {
            &self.view
        };
        Ok((message, View::try_from(view.to_owned())?))
    }
}

#[post("/messages")]
async fn add_message(
    request: HttpRequest,
    messages: Messages,
    form: Form<NewMessage>,
) -> HttpResponse {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let wants_json = accept.is_some_and(|accept| accept.contains("application/json"));
    let added = async {
        let (message, view) = form.build()?;
        let id = message.id();
        messages.to(&view).add_message(message).await?;
        Ok((id, view))
    };
    match added.await {
        Ok((id, _)) if wants_json => HttpResponse::Created().json(json!({ "id": id })),
        Ok((_, view)) => {
            let known = ["settings", "password", "uploads", "dashboard"];
            let path = known.iter().find(|page| **page == view.as_str());
            let path = format!(
                "/{}",
                path.unwrap_or(if view.is_any() { &"dashboard" } else { &"" })
            );
            HttpResponse::SeeOther()
                .insert_header(("location", path))
                .finish()
        }
        Err(error) => refuse(&error, wants_json),
    }
}

fn refuse(error: &salver::Error, wants_json: bool) -> HttpResponse {
    let status = error::ResponseError::status_code(error);
    if wants_json {
        let problem = json!({ "field": error.field(), "error": error.to_string() });
        return HttpResponse::build(status).json(problem);
    }
    let main = format!(
        r#"<p role="alert">{}.</p><p><a href="/">Back</a></p>"#,
        escape(&error.to_string())
    );
    page(status, "Not added", &main)
}

#[post("/login")]
async fn login(messages: Messages) -> impl Responder {
    match messages.renew().await {
        Ok(()) => messages.to("dashboard").success("You are logged in.").await,
        // A real site must reject the login here: an attacker may know the old session id.
        Err(error) => tracing::warn!(%error, "could not renew the session id"),
    }
    Redirect::to("/dashboard").see_other()
}

#[post("/logout")]
async fn logout(messages: Messages) -> impl Responder {
    if let Err(error) = messages.close_session().await {
        tracing::warn!(%error, "could not close the session; it stays open until it expires");
    }
    messages.to("dashboard").info("You are logged out.").await;
    Redirect::to("/dashboard").see_other()
}

#[get("/broken")]
async fn broken(pending: Pending) -> actix_web::Result<HttpResponse> {
    let rendered = pending.html();
    Err(error::ErrorInternalServerError(format!(
        "failed after rendering {} bytes",
        rendered.len()
    )))
}

#[get("/hop/{n}")]
async fn hop(n: Path<u8>) -> impl Responder {
    let next = match n.into_inner().min(20) {
        0 => "/dashboard".to_owned(),
        n => format!("/hop/{}", n - 1),
    };
    Redirect::to(next).see_other()
}

fn salver() -> Outcome<(Salver, &'static str)> {
    Ok(match env::var("REDIS_URL") {
        Ok(url) => (Salver::redis("dashboard", &url)?, "Redis"),
        Err(_) => (Salver::memory("dashboard")?, "embedded store"),
    })
}

#[actix_web::main]
async fn main() -> Outcome<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .init();
    let (salver, store) = salver()?;

    let args: Vec<String> = env::args().skip(1).collect();
    if let [command, context, icons, seconds] = args.as_slice()
        && command == "job"
    {
        let context = serde_json::from_str(context)?;
        return Ok(import(&salver, &context, icons.parse()?, seconds.parse()?).await?);
    }

    let handle = salver.clone();
    let app = move || {
        App::new()
            .wrap(handle.middleware())
            .wrap(Compress::default())
            .service(handle.routes())
            .service((
                overview,
                dashboard,
                settings,
                save_settings,
                password,
                save_password,
            ))
            .service((
                uploads,
                start_upload,
                add_message,
                login,
                logout,
                broken,
                hop,
            ))
    };
    let address = env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let server = HttpServer::new(app)
        .workers(2)
        // Ends the stream of a page immediately when the browser closes the connection.
        .h1_allow_half_closed(false)
        .shutdown_timeout(2)
        .bind(&address)?;
    for address in server.addrs() {
        println!("Salver dashboard on http://{address} ({store})");
    }
    server.run().await?;
    salver.flush().await;
    Ok(())
}
