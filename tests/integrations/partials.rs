//! Pages that swap parts of themselves, with the real htmx, of two generations, and the real Turbo.

use actix_web::http::header::{ContentType, LOCATION};
use actix_web::web::{self, Path};
use actix_web::{App, HttpResponse, HttpServer};
use salver::web::Routes;
use salver::{Message, Messages, Salver, View};

use crate::support::app::example;
use crate::support::browser::{Browser, target};
use crate::support::processes::{free_port, start};
use crate::support::{eventually, session};

/// What a page loads beside itself: of which library, and whether the page script too.
const LIBRARIES: [(&str, &str); 3] = [
    ("htmx2", "htmx2/dist/htmx.min.js"),
    ("htmx4", "htmx4/dist/htmx.min.js"),
    ("turbo", "@hotwired/turbo/dist/turbo.es2017-umd.js"),
];
const SCRIPTS: [&str; 2] = ["plain", "live"];
const HOME: &str = "{library}/{script}/home";
const OTHER: &str = "{library}/{script}/other";

fn html(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(body.into())
}

/// A page of a library: everything that it can be asked to do.
fn page(library: &str, script: &str, name: &str) -> HttpResponse {
    let head = match script {
        "live" => Routes::default().head_html(),
        _ => String::new(),
    };
    let view = if name == "home" { HOME } else { OTHER };
    let other = format!("/{library}/{script}/other");
    html(format!(
        r##"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<script src="/lib/{library}.js" defer></script>{head}</head>
<body><main><h1>{name}</h1><salver-messages view="{view}"></salver-messages>
<div id="box">{name}</div>
<table><tbody id="rows"><tr id="first"><td>first</td></tr></tbody></table>
<button id="add" hx-post="/add" hx-target="#box">Add</button>
<button id="row" hx-post="/row" hx-target="#rows" hx-swap="beforeend">Row</button>
<button id="gone" hx-delete="/gone" hx-target="#first" hx-swap="outerHTML">Gone</button>
<button id="leave" hx-post="/leave?to={other}">Leave</button>
<button id="follow" hx-post="/follow" hx-target="#box">Follow</button>
<button id="refuse" hx-post="/refuse" hx-target="#box">Refuse</button>
<button id="whole" hx-get="{other}" hx-target="body">Whole</button>
<button id="select" hx-get="{other}" hx-select="#box" hx-target="#box" hx-swap="outerHTML">Select</button>
<form id="changes" method="post" action="/changes"><button>Changes</button></form>
<form id="save" method="post" action="/leave?to={other}"><button>Save</button></form>
<turbo-frame id="cart"><a id="into" href="/frame">Into</a></turbo-frame>
<a id="home" href="/{library}/{script}/home">home</a></main></body></html>"##
    ))
}

async fn pages(path: Path<(String, String)>, request: actix_web::HttpRequest) -> HttpResponse {
    let name = request.path().rsplit('/').next().unwrap().to_owned();
    page(&path.0, &path.1, &name)
}

async fn library(path: Path<String>) -> HttpResponse {
    let (_, file) = LIBRARIES
        .into_iter()
        .find(|(name, _)| format!("{name}.js") == **path)
        .unwrap();
    let path = target().join("npm/node_modules").join(file);
    let content = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        let path = path.display();
        panic!("{path}: {error}; `tests/run` fetches it: `npm install --prefix target/npm htmx2@npm:htmx.org@2 htmx4@npm:htmx.org@4 @hotwired/turbo@8`")
    });
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .body(content)
}

async fn add(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    html("<p>part</p>")
}

async fn row(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    html("<tr><td>second</td></tr>")
}

async fn gone(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    HttpResponse::Ok().finish()
}

#[derive(serde::Deserialize)]
struct To {
    to: String,
}

/// Goes to another page, as a script or as a browser is told to.
async fn leave(
    messages: Messages,
    to: web::Query<To>,
    request: actix_web::HttpRequest,
) -> HttpResponse {
    messages.to(OTHER).success("for the other page").await;
    match request.headers().contains_key("hx-request") {
        true => HttpResponse::Ok()
            .insert_header(("hx-redirect", to.to.as_str()))
            .content_type(ContentType::html())
            .body("<p>dropped</p>"),
        false => HttpResponse::SeeOther()
            .insert_header((LOCATION, to.to.as_str()))
            .finish(),
    }
}

async fn follow(messages: Messages) -> HttpResponse {
    messages.to(HOME).success("for this page").await;
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/part"))
        .finish()
}

async fn refuse(messages: Messages) -> HttpResponse {
    messages.to(HOME).error("refused").await;
    HttpResponse::UnprocessableEntity()
        .content_type(ContentType::html())
        .body("<p>part</p>")
}

async fn changes(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    HttpResponse::Ok()
        .content_type("text/vnd.turbo-stream.html; charset=utf-8")
        .body("<turbo-stream action=\"update\" target=\"box\"><template><p>part</p></template></turbo-stream>")
}

/// A whole page, of which Turbo takes the frame.
async fn frame(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    html(
        "<!doctype html><title>frame</title><salver-messages></salver-messages><turbo-frame id=\"cart\"><p id=\"part\">part</p></turbo-frame>",
    )
}

/// A site of which every visitor is Ada, and a browser.
struct Stage {
    salver: Salver,
    url: String,
    browser: Browser,
}

impl Stage {
    async fn new() -> Self {
        let salver = Salver::memory("app").unwrap();
        let site = salver.clone();
        let server = HttpServer::new(move || {
            App::new()
                .wrap(site.middleware().session(|_: &_| Some(session("ada"))))
                .service(site.routes())
                .route("/{library}/{script}/home", web::get().to(pages))
                .route("/{library}/{script}/other", web::get().to(pages))
                .route("/lib/{name}", web::get().to(library))
                .route("/add", web::post().to(add))
                .route("/row", web::post().to(row))
                .route("/gone", web::delete().to(gone))
                .route("/leave", web::post().to(leave))
                .route("/follow", web::post().to(follow))
                .route("/refuse", web::post().to(refuse))
                .route("/part", web::get().to(|| async { html("<p>part</p>") }))
                .route("/changes", web::post().to(changes))
                .route("/frame", web::get().to(frame))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .h1_allow_half_closed(false)
            .bind("127.0.0.1:0")
            .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        Self {
            salver,
            url,
            browser: Browser::start().await,
        }
    }

    async fn open(&self, library: &str, script: &str) {
        let url = format!("{}/{library}/{script}/home", self.url);
        self.browser.open(&url).await;
        let loaded = match library {
            "turbo" => "return !!window.Turbo",
            _ => "return !!window.htmx && document.readyState === 'complete'",
        };
        eventually("the library is there", async || {
            (self.browser.run(loaded).await == true).then_some(())
        })
        .await;
    }

    async fn tell(&self, view: &str, text: &str) {
        let view = View::try_from(view.to_owned()).unwrap();
        let context = self.salver.context(session("ada"), view).unwrap();
        self.salver
            .add(&context, Message::info(text))
            .await
            .unwrap();
    }

    async fn press(&self, id: &str) {
        let script = format!("document.getElementById('{id}').click()");
        self.browser.run(&script).await;
    }

    /// Waits until this is on the page, and what was asked for too.
    async fn shows(&self, text: &str, script: &str) {
        eventually(&format!("the page shows {text:?}, {script}"), async || {
            let all = self.browser.messages().await;
            let there = all.iter().any(|shown| shown == text);
            let done = self.browser.run(&format!("return {script}")).await == true;
            (there && done).then_some(())
        })
        .await;
        let all = self.browser.messages().await;
        let times = all.iter().filter(|shown| *shown == text).count();
        assert_eq!(times, 1, "{text:?} in {all:?}");
    }

    /// Makes sure that nothing is shown a second time.
    async fn shows_nothing_more(&self, library: &str, script: &str) {
        self.open(library, script).await;
        assert_eq!(self.browser.messages().await, [""; 0]);
    }
}

const PART: &str = "document.getElementById('box').textContent === 'part'";

#[actix_web::test]
async fn htmx_takes_messages_in_with_its_parts() {
    let stage = Stage::new().await;
    let mut shown = 0;
    for library in ["htmx2", "htmx4"] {
        for script in SCRIPTS {
            let second = "document.getElementById('rows').rows.length === 2";
            for (button, done) in [("add", PART), ("row", second)] {
                stage.open(library, script).await;
                stage.press(button).await;
                stage.shows("added here", done).await;
                stage.shows_nothing_more(library, script).await;
                shown += 1;
            }
            // What a job tells the page that is open, and where nobody listens comes with the next part.
            stage.tell(HOME, "from a job").await;
            stage.press("add").await;
            stage.shows("from a job", PART).await;
            stage.shows("added here", PART).await;
            shown += 2;

            stage.open(library, script).await;
            stage.press("follow").await;
            stage.shows("for this page", PART).await;
            stage.shows_nothing_more(library, script).await;
            stage.press("leave").await;
            let other = "document.title === 'other'";
            stage.shows("for the other page", other).await;
            stage.shows_nothing_more(library, script).await;
            shown += 2;

            // All of a page, and what is selected of one.
            for (button, done) in [
                (
                    "whole",
                    "document.querySelector('h1').textContent === 'other'",
                ),
                (
                    "select",
                    "document.getElementById('box').textContent === 'other'",
                ),
            ] {
                stage.open(library, script).await;
                stage.tell(OTHER, "for the other page").await;
                stage.press(button).await;
                stage.shows("for the other page", done).await;
                stage.shows_nothing_more(library, script).await;
                shown += 1;
            }

            // With nothing beside it: htmx 2 takes it in, htmx 4 gets it with what comes next.
            stage.press("gone").await;
            let first = "!document.getElementById('first')";
            eventually("the row is gone", async || {
                (stage.browser.run(&format!("return {first}")).await == true).then_some(())
            })
            .await;
            if library == "htmx2" {
                stage.shows("added here", first).await;
            }
            // An error: htmx 2 drops it, and what came with it waits.
            stage.open(library, script).await;
            stage.press("refuse").await;
            match library {
                "htmx2" => {
                    stage.press("add").await;
                    stage.shows("refused", PART).await;
                }
                _ => stage.shows("refused", PART).await,
            }
            stage.shows_nothing_more(library, script).await;
            shown += 2;
            stage.salver.clear_session(&session("ada")).await.unwrap();
        }
    }
    println!("HANDS htmx shown={shown} twice=0 lost=0");
    stage.browser.quit().await;
}

#[actix_web::test]
async fn turbo_takes_messages_in_with_streams_frames_and_pages() {
    let stage = Stage::new().await;
    let mut shown = 0;
    for script in SCRIPTS {
        stage.open("turbo", script).await;
        // A form is sent by its button.
        let send = async |form: &str| {
            let send = format!("document.querySelector('#{form} button').click()");
            stage.browser.run(&send).await;
        };
        send("changes").await;
        stage.shows("added here", PART).await;
        stage.shows_nothing_more("turbo", script).await;

        stage.tell(HOME, "from a job").await;
        stage.press("into").await;
        let part = "!!document.getElementById('part')";
        stage.shows("added here", part).await;
        stage.shows("from a job", part).await;
        stage.shows_nothing_more("turbo", script).await;

        // A form, a redirect, a page; then away, and back to what Turbo has kept of it.
        send("save").await;
        let other = "document.title === 'other'";
        stage.shows("for the other page", other).await;
        stage.press("home").await;
        let at_home = "return document.title === 'home'";
        eventually("home again", async || {
            (stage.browser.run(at_home).await == true).then_some(())
        })
        .await;
        stage.browser.driver.back().await.unwrap();
        eventually("back again", async || {
            (stage.browser.run(&format!("return {other}")).await == true).then_some(())
        })
        .await;
        assert_eq!(stage.browser.messages().await, [""; 0], "{script}");
        shown += 4;
    }
    println!("HANDS turbo shown={shown} twice=0 lost=0");
    stage.browser.quit().await;
}

/// The example, as a person uses it: with htmx 4, without the page script.
#[actix_web::test]
async fn the_example_says_what_it_has_done() {
    let browser = Browser::start().await;
    let script = target().join("npm/node_modules/htmx4/dist/htmx.min.js");
    let mut command = std::process::Command::new(example("htmx"));
    let address = format!("127.0.0.1:{}", free_port());
    let command = command.env("SALVER_ADDR", &address).env("HTMX", script);
    let _process = start(command, "cargo");
    let url = format!("http://{address}/");
    eventually("the example answers", async || {
        reqwest::get(&url).await.ok()
    })
    .await;
    browser.open(&url).await;
    browser.fill("name", "home <b>").await;
    browser
        .run("document.querySelector('form button').click()")
        .await;
    browser.shows(&["home <b> is there."]).await;
    browser
        .run("document.querySelector('li button').click()")
        .await;
    browser
        .shows(&["home <b> is there.", "home <b> is gone."])
        .await;
    let items = "return document.querySelectorAll('#icons li').length";
    assert_eq!(browser.run(items).await, 0);
    let (violations, _) = browser.axe().await;
    assert!(violations.is_empty(), "{violations:#?}");
    browser.picture("example-htmx").await;
    browser.quit().await;
}
