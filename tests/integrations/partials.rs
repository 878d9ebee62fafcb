//! Pages that swap partials, with htmx 2, htmx 4, Turbo, Unpoly and jQuery in a real browser.

use actix_web::http::header::{ContentType, LOCATION};
use actix_web::web::{self, Path};
use actix_web::{App, HttpResponse, HttpServer};
use salver::web::Routes;
use salver::{Message, MessageId, Messages, Salver, View};

use crate::support::browser::{Browser, target};
use crate::support::example_programs::example;
use crate::support::processes::{free_port, start};
use crate::support::{eventually, session};

/// The libraries, each with the file that a page loads.
const LIBRARIES: [(&str, &str); 6] = [
    ("htmx2", "htmx2/dist/htmx.min.js"),
    ("htmx4", "htmx4/dist/htmx.min.js"),
    ("turbo", "@hotwired/turbo/dist/turbo.es2017-umd.js"),
    ("unpoly", "unpoly/unpoly.min.js"),
    ("jquery", "jquery/dist/jquery.min.js"),
    ("idiomorph", "idiomorph/dist/idiomorph-ext.min.js"),
];
/// A page loads no page script (`plain`), or the page script too (`live`).
const SCRIPTS: [&str; 2] = ["plain", "live"];
const HOME: &str = "{library}/{script}/home";
const OTHER: &str = "{library}/{script}/other";

fn html(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(body.into())
}

/// Records the ids that the page script confirms.
const RECORD_CONFIRMS: &str =
    "window.confirmed = []; const { fetch: send } = window; window.fetch = (url, options) => {
    if (String(url).endsWith('/confirm')) confirmed.push(...JSON.parse(options.body).ids);
    return send(url, options);
};";

/// Forbids scripts to insert HTML, and records the messages that arrive.
const STRICT: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"require-trusted-types-for 'script'; trusted-types 'none'\">
<script>window.arrived = []; document.addEventListener('salver-message', ({ detail }) => arrived.push(detail.id));</script>";

/// Returns a page with one button, form or link for each kind of partial.
fn page(library: &str, script: &str, name: &str) -> HttpResponse {
    let head = match script {
        "live" | "quiet" | "hungry-live" => Routes::default().head_html(),
        "strict" => format!("{STRICT}{}", Routes::default().head_html()),
        _ => String::new(),
    };
    let view = if name == "home" { HOME } else { OTHER };
    // Without the attribute, the page has no stream.
    let view = match script {
        "quiet" => String::new(),
        _ => format!("view=\"{view}\""),
    };
    // Unpoly replaces this element by that of each response.
    let hungry = match script.starts_with("hungry") {
        true => " up-hungry",
        false => "",
    };
    let other = format!("/{library}/{script}/other");
    let render = MessageId::new();
    html(format!(
        r##"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<meta name="turbo-refresh-method" content="morph"><script>{RECORD_CONFIRMS}</script>
<script src="/lib/{library}.js" defer></script><script src="/lib/idiomorph.js" defer></script>{head}</head>
<body hx-ext="morph"><main><h1>{name}</h1><div id="notices"{hungry}><salver-messages {view}></salver-messages></div>
<div id="box">{name}</div><p id="render">{render}</p>
<table><tbody id="rows"><tr id="first"><td>first</td></tr></tbody></table>
<button id="add" hx-post="/add" hx-target="#box">Add</button>
<button id="row" hx-post="/row" hx-target="#rows" hx-swap="beforeend">Row</button>
<button id="remove" hx-delete="/remove" hx-target="#first" hx-swap="outerHTML">Remove</button>
<button id="leave" hx-post="/leave?to={other}">Leave</button>
<button id="follow" hx-post="/follow" hx-target="#box">Follow</button>
<button id="refuse" hx-post="/refuse" hx-target="#box">Refuse</button>
<button id="whole" hx-get="{other}" hx-target="body">Whole</button>
<button id="select" hx-get="{other}" hx-select="#box" hx-target="#box" hx-swap="outerHTML">Select</button>
<form id="changes" method="post" action="/changes"><button>Changes</button></form>
<form id="save" method="post" action="/leave?to={other}"><button>Save</button></form>
<turbo-frame id="cart"><a id="into" href="/frame">Into</a></turbo-frame>
<button id="morph2" hx-get="/{library}/{script}/home" hx-target="body" hx-swap="morph:innerHTML">Morph</button>
<button id="morph4" hx-get="/{library}/{script}/home" hx-target="body" hx-swap="innerMorph">Morph</button>
<a id="follow-part" href="{other}" up-follow up-target="#box">Part</a>
<a id="preload-part" href="{other}" up-preload up-follow up-target="#box">Part</a>
<a id="follow-full" href="/{library}/{script}/full" up-follow up-target="#box">Full</a>
<a id="home" href="/{library}/{script}/home">home</a></main></body></html>"##
    ))
}

async fn pages(path: Path<(String, String)>, request: actix_web::HttpRequest) -> HttpResponse {
    let name = request.path().rsplit('/').next().unwrap().to_owned();
    page(&path.0, &path.1, &name)
}

/// A page for Unpoly, which uses the slot of each page: it is in an element with `up-hungry`.
async fn full_page(path: Path<(String, String)>, messages: Messages) -> HttpResponse {
    messages.as_full_page();
    page(&path.0, &path.1, "other")
}

async fn library(path: Path<String>) -> HttpResponse {
    let (_, file) = LIBRARIES
        .into_iter()
        .find(|(name, _)| format!("{name}.js") == **path)
        .unwrap();
    let path = target().join("npm/node_modules").join(file);
    let content = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        let path = path.display();
        panic!("{path}: {error}; `tests/run` installs it: `npm install --prefix target/npm htmx2@npm:htmx.org@2 htmx4@npm:htmx.org@4 @hotwired/turbo@8`")
    });
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .body(content)
}

async fn add(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    html("<p>partial</p>")
}

async fn row(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    html("<tr><td>second</td></tr>")
}

async fn remove(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    HttpResponse::Ok().finish()
}

#[derive(serde::Deserialize)]
struct To {
    to: String,
}

/// Redirects to another page, by a header for htmx or by a 303 for a browser.
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
            .body("<p>discarded</p>"),
        false => HttpResponse::SeeOther()
            .insert_header((LOCATION, to.to.as_str()))
            .finish(),
    }
}

async fn follow(messages: Messages) -> HttpResponse {
    messages.to(HOME).success("for this page").await;
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/partial"))
        .finish()
}

async fn refuse(messages: Messages) -> HttpResponse {
    messages.to(HOME).error("refused").await;
    HttpResponse::UnprocessableEntity()
        .content_type(ContentType::html())
        .body("<p>partial</p>")
}

async fn changes(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    HttpResponse::Ok()
        .content_type("text/vnd.turbo-stream.html; charset=utf-8")
        .body("<turbo-stream action=\"update\" target=\"box\"><template><p>partial</p></template></turbo-stream>")
}

/// Returns a full page, of which Turbo uses the frame.
async fn frame(messages: Messages) -> HttpResponse {
    messages.success("added here").await;
    html(
        "<!doctype html><title>frame</title><salver-messages></salver-messages><turbo-frame id=\"cart\"><p id=\"partial\">partial</p></turbo-frame>",
    )
}

/// A site whose every visitor is Ada, and a browser.
struct Harness {
    salver: Salver,
    url: String,
    browser: Browser,
}

impl Harness {
    async fn start() -> Self {
        let salver = Salver::memory("app").unwrap();
        let site = salver.clone();
        let server = HttpServer::new(move || {
            App::new()
                .wrap(site.middleware().session(|_: &_| Some(session("ada"))))
                .service(site.routes())
                .route("/{library}/{script}/home", web::get().to(pages))
                .route("/{library}/{script}/other", web::get().to(pages))
                .route("/{library}/{script}/full", web::get().to(full_page))
                .route("/lib/{name}", web::get().to(library))
                .route("/add", web::post().to(add))
                .route("/row", web::post().to(row))
                .route("/remove", web::delete().to(remove))
                .route("/leave", web::post().to(leave))
                .route("/follow", web::post().to(follow))
                .route("/refuse", web::post().to(refuse))
                .route(
                    "/partial",
                    web::get().to(|| async { html("<p>partial</p>") }),
                )
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
            "unpoly" => "return !!window.up?.framework.booted",
            "jquery" => "return !!window.jQuery && document.readyState === 'complete'",
            _ => "return !!window.htmx && document.readyState === 'complete'",
        };
        eventually("the library is loaded", async || {
            (self.browser.run(loaded).await == true).then_some(())
        })
        .await;
    }

    async fn add(&self, view: &str, text: &str) {
        let view = View::try_from(view.to_owned()).unwrap();
        let context = self.salver.context(session("ada"), view).unwrap();
        self.salver
            .add(&context, Message::error(text))
            .await
            .unwrap();
    }

    /// Runs a script that morphs the page, and waits until it has.
    async fn morph(&self, script: &str) {
        let render = "return document.getElementById('render').textContent";
        let before = self.browser.run(render).await;
        self.browser.run(script).await;
        eventually("the page is morphed", async || {
            (self.browser.run(render).await != before).then_some(())
        })
        .await;
    }

    async fn press(&self, id: &str) {
        let script = format!("document.getElementById('{id}').click()");
        self.browser.run(&script).await;
    }

    /// Waits until the page shows the message once, and the condition is true in the page.
    async fn expect_message(&self, text: &str, condition: &str) {
        eventually(
            &format!("the page shows {text:?}, {condition}"),
            async || {
                let shown = self.browser.messages().await;
                let is_shown = shown.iter().any(|shown| shown == text);
                let done = self.browser.run(&format!("return {condition}")).await == true;
                (is_shown && done).then_some(())
            },
        )
        .await;
        let shown = self.browser.messages().await;
        let count = shown.iter().filter(|shown| *shown == text).count();
        let url = self.browser.driver.current_url().await.unwrap();
        assert_eq!(count, 1, "{text:?} in {shown:?} of {url}");
    }

    /// Opens the page again, and asserts that it shows no message.
    async fn expect_no_messages(&self, library: &str, script: &str) {
        self.open(library, script).await;
        assert_eq!(self.browser.messages().await, [""; 0]);
    }
}

/// The scripts that morph the page into a new copy of it.
const MORPHS: [(&str, &str); 3] = [
    ("turbo", "Turbo.session.refresh(document.baseURI)"),
    ("htmx2", "document.getElementById('morph2').click()"),
    ("htmx4", "document.getElementById('morph4').click()"),
];
/// The page script has adopted all messages of the page.
const CLOSABLE: &str = "document.querySelectorAll('.salver-message').length === document.querySelectorAll('.salver-close').length";
const SWAPPED: &str = "document.getElementById('box').textContent === 'partial'";

#[actix_web::test]
async fn htmx_partials_show_messages() {
    let harness = Harness::start().await;
    let mut shown = 0;
    for library in ["htmx2", "htmx4"] {
        for script in SCRIPTS {
            let second = "document.getElementById('rows').rows.length === 2";
            for (button, done) in [("add", SWAPPED), ("row", second)] {
                harness.open(library, script).await;
                harness.press(button).await;
                harness.expect_message("added here", done).await;
                harness.expect_no_messages(library, script).await;
                shown += 1;
            }
            // A message of a job arrives on the stream, or without the page script with the next
            // partial.
            harness.add(HOME, "from a job").await;
            harness.press("add").await;
            harness.expect_message("from a job", SWAPPED).await;
            harness.expect_message("added here", SWAPPED).await;
            shown += 2;

            harness.open(library, script).await;
            harness.press("follow").await;
            harness.expect_message("for this page", SWAPPED).await;
            harness.expect_no_messages(library, script).await;
            harness.press("leave").await;
            let other = "document.title === 'other'";
            harness.expect_message("for the other page", other).await;
            harness.expect_no_messages(library, script).await;
            shown += 2;

            // A full page, and a selected element of one.
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
                harness.open(library, script).await;
                harness.add(OTHER, "for the other page").await;
                harness.press(button).await;
                harness.expect_message("for the other page", done).await;
                harness.expect_no_messages(library, script).await;
                shown += 1;
            }

            // An empty partial: htmx 2 shows its message now, htmx 4 with the next partial.
            harness.press("remove").await;
            let first = "!document.getElementById('first')";
            eventually("the row is removed", async || {
                (harness.browser.run(&format!("return {first}")).await == true).then_some(())
            })
            .await;
            if library == "htmx2" {
                harness.expect_message("added here", first).await;
            }
            // An error response: htmx 2 discards it, and its message stays pending.
            harness.open(library, script).await;
            harness.press("refuse").await;
            match library {
                "htmx2" => {
                    harness.press("add").await;
                    harness.expect_message("refused", SWAPPED).await;
                }
                _ => harness.expect_message("refused", SWAPPED).await,
            }
            harness.expect_no_messages(library, script).await;
            shown += 2;
            harness.salver.clear_session(&session("ada")).await.unwrap();
        }
    }
    println!("INTEGRATION htmx shown={shown} duplicates=0 lost=0");
    harness.browser.quit().await;
}

#[actix_web::test]
async fn turbo_streams_frames_and_pages_show_messages() {
    let harness = Harness::start().await;
    let mut shown = 0;
    for script in SCRIPTS {
        harness.open("turbo", script).await;
        // Submits a form by its button.
        let submit = async |form: &str| {
            let script = format!("document.querySelector('#{form} button').click()");
            harness.browser.run(&script).await;
        };
        submit("changes").await;
        harness.expect_message("added here", SWAPPED).await;
        harness.expect_no_messages("turbo", script).await;

        harness.add(HOME, "from a job").await;
        harness.press("into").await;
        let frame = "!!document.getElementById('partial')";
        harness.expect_message("added here", frame).await;
        harness.expect_message("from a job", frame).await;
        harness.expect_no_messages("turbo", script).await;

        // A form, a redirect and a page; then another page, and back to the copy in Turbo's cache.
        submit("save").await;
        let other = "document.title === 'other'";
        harness.expect_message("for the other page", other).await;
        harness.press("home").await;
        let is_home = "return document.title === 'home'";
        eventually("the page home is open", async || {
            (harness.browser.run(is_home).await == true).then_some(())
        })
        .await;
        harness.browser.driver.back().await.unwrap();
        eventually("the page other is open", async || {
            (harness.browser.run(&format!("return {other}")).await == true).then_some(())
        })
        .await;
        assert_eq!(harness.browser.messages().await, [""; 0], "{script}");
        shown += 4;
    }
    println!("INTEGRATION turbo shown={shown} duplicates=0 lost=0");
    harness.browser.quit().await;
}

/// A page that is refreshed by morphing keeps its toasts, and shows and confirms later messages.
#[actix_web::test]
async fn messages_are_shown_after_morphing() {
    let harness = Harness::start().await;
    let mut shown = 0;
    for (library, script) in MORPHS {
        harness.open(library, "live").await;
        harness.browser.wait_for_stream().await;
        harness.add(HOME, "before").await;
        harness
            .expect_message("before", "confirmed.length === 1")
            .await;
        for n in 1..=3 {
            harness.morph(script).await;
            harness.expect_message("before", "true").await;
            let text = format!("after {n}");
            harness.add(HOME, &text).await;
            let confirmed = format!("confirmed.length === {}", n + 1);
            harness.expect_message(&text, &confirmed).await;
        }
        let in_slot = "document.querySelectorAll('salver-messages .salver-toasts, salver-messages [aria-live]').length";
        assert_eq!(harness.browser.run(&format!("return {in_slot}")).await, 3);
        harness.expect_no_messages(library, "live").await;
        shown += 4;
    }
    println!("INTEGRATION morphing shown={shown} duplicates=0 lost=0");
    harness.browser.quit().await;
}

/// The list of a page is morphed into the list of the next page, which has another message.
#[actix_web::test]
async fn morphed_list_shows_its_new_message() {
    let harness = Harness::start().await;
    for (library, morph) in MORPHS {
        for (script, condition) in [("plain", "true"), ("quiet", CLOSABLE)] {
            harness.add(HOME, "rendered").await;
            harness.open(library, script).await;
            harness.expect_message("rendered", condition).await;
            harness.add(HOME, "morphed").await;
            harness.morph(morph).await;
            harness.expect_message("morphed", condition).await;
            harness.expect_no_messages(library, script).await;
        }
    }
    println!("INTEGRATION morphed_lists shown=12 duplicates=0 lost=0");
    harness.browser.quit().await;
}

/// A page that may not insert HTML confirms no message of the stream: the next page shows it.
#[actix_web::test]
async fn message_that_cannot_be_shown_is_not_confirmed() {
    let harness = Harness::start().await;
    let strict = format!("{}/jquery/strict/home", harness.url);
    harness.browser.open(&strict).await;
    harness.browser.wait_for_stream().await;
    harness.add(HOME, "refused").await;
    eventually("the message arrives", async || {
        (harness.browser.run("return arrived.length").await == 1).then_some(())
    })
    .await;
    assert_eq!(harness.browser.run("return confirmed.length").await, 0);
    let plain = format!("{}/jquery/plain/home", harness.url);
    eventually("the next page shows the message", async || {
        harness.browser.open(&plain).await;
        (harness.browser.messages().await == ["refused"]).then_some(())
    })
    .await;
    harness.expect_no_messages("jquery", "plain").await;
    harness.browser.quit().await;
}

/// A script that uses a part of a page loses no message of that page.
#[actix_web::test]
async fn parts_for_unpoly_and_jquery_lose_no_messages() {
    let harness = Harness::start().await;
    let mut shown = 0;
    for script in SCRIPTS {
        for (library, load) in [
            ("unpoly", "document.getElementById('follow-part').click()"),
            (
                "unpoly",
                "up.link.preload(document.getElementById('preload-part'))
                     .then(() => document.getElementById('preload-part').click())",
            ),
            ("jquery", "jQuery('#box').load('OTHER #box > *, #box')"),
        ] {
            let other = format!("/{library}/{script}/other");
            harness.open(library, script).await;
            harness.add(OTHER, "for the other page").await;
            harness.browser.run(&load.replace("OTHER", &other)).await;
            let loaded = "return document.getElementById('box').textContent === 'other'";
            eventually("the part is loaded", async || {
                (harness.browser.run(loaded).await == true).then_some(())
            })
            .await;
            assert_eq!(
                harness.browser.messages().await,
                [""; 0],
                "{library} {script}"
            );
            harness
                .browser
                .open(&format!("{}{other}", harness.url))
                .await;
            harness
                .expect_message("for the other page", "document.title === 'other'")
                .await;
            harness.browser.driver.refresh().await.unwrap();
            assert_eq!(
                harness.browser.messages().await,
                [""; 0],
                "{library} {script}"
            );
            shown += 1;
        }
    }
    for script in ["hungry", "hungry-live"] {
        harness.open("unpoly", script).await;
        harness.add("{library}/{script}/full", "for the slot").await;
        harness.press("follow-full").await;
        let loaded = "document.getElementById('box').textContent === 'other'";
        harness.expect_message("for the slot", loaded).await;
        harness.expect_no_messages("unpoly", script).await;
        shown += 1;
    }
    println!("INTEGRATION parts shown={shown} duplicates=0 lost=0");
    harness.browser.quit().await;
}

/// The example `htmx`, with htmx 4 and without the page script.
#[actix_web::test]
async fn htmx_example_shows_messages() {
    let browser = Browser::start().await;
    let script = target().join("npm/node_modules/htmx4/dist/htmx.min.js");
    let mut command = std::process::Command::new(example("htmx"));
    let address = format!("127.0.0.1:{}", free_port());
    let command = command.env("SALVER_ADDR", &address).env("HTMX_JS", script);
    let _process = start(command, "cargo");
    let url = format!("http://{address}/");
    eventually("the example responds", async || {
        reqwest::get(&url).await.ok()
    })
    .await;
    browser.open(&url).await;
    browser.fill("name", "home <b>").await;
    browser
        .run("document.querySelector('form button').click()")
        .await;
    browser.shows(&["home <b> was added."]).await;
    browser
        .run("document.querySelector('li button').click()")
        .await;
    browser
        .shows(&["home <b> was added.", "home <b> was removed."])
        .await;
    let items = "return document.querySelectorAll('#icons li').length";
    assert_eq!(browser.run(items).await, 0);
    let (violations, _) = browser.axe().await;
    assert!(violations.is_empty(), "{violations:#?}");
    browser.picture("example-htmx").await;
    browser.quit().await;
}
