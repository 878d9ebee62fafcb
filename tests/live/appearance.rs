//! How levels look without colour, and messages in the design of a site.

use actix_web::web::{self, Data, Path};
use actix_web::{App, HttpResponse, HttpServer};
use salver::web::{Part, Routes};
use salver::{Level, Message, Salver};
use serde_json::json;

use crate::support::browser::{Browser, add_message_of_each_level, target};
use crate::support::example_programs::Dashboard;
use crate::support::site::html;
use crate::support::{at, eventually, session};

/// Returns the outline of the icon of each level, and the words that a screen reader reads.
const LEVELS: &str = "return [...document.querySelectorAll('.salver-message')].map((item) => {
    const icon = getComputedStyle(item, '::before');
    const word = item.querySelector('.salver-level');
    const { width } = word.getBoundingClientRect();
    return [icon.clipPath, word.textContent, width <= 1, parseFloat(icon.width) > 10];
})";

#[tokio::test]
async fn levels_differ_without_colour() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    let still = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
    for (name, features) in [
        (
            "forced-colors",
            json!([still, { "name": "forced-colors", "value": "active" }]),
        ),
        ("greyscale", json!([still])),
    ] {
        browser.emulate_media(features).await;
        browser.open(&dashboard.at("/dashboard")).await;
        add_message_of_each_level(&browser).await;
        eventually("five messages", async || {
            (browser.messages().await.len() == 5).then_some(())
        })
        .await;
        if name == "greyscale" {
            browser
                .run("document.documentElement.style.filter = 'grayscale(1)'")
                .await;
        }
        browser.picture(&format!("levels-{name}")).await;
        let levels = browser.run(LEVELS).await;
        let levels = levels.as_array().unwrap();
        let words: Vec<_> = levels
            .iter()
            .map(|level| level[1].as_str().unwrap())
            .collect();
        assert_eq!(words, ["Debug:", "Info:", "Success:", "Warning:", "Error:"]);
        let mut outlines: Vec<_> = levels
            .iter()
            .map(|level| level[0].as_str().unwrap())
            .collect();
        outlines.sort_unstable();
        outlines.dedup();
        assert_eq!(outlines.len(), 5, "{outlines:?}");
        for level in levels {
            assert_eq!(
                (&level[2], &level[3]),
                (&json!(true), &json!(true)),
                "{level}"
            );
        }
        if name == "forced-colors" {
            let colour = "return getComputedStyle(document.querySelector('.salver-message'), '::before').backgroundColor";
            let text = "return getComputedStyle(document.body).color";
            assert_eq!(browser.run(colour).await, browser.run(text).await);
        }
    }
    browser.quit().await;
}

#[allow(dead_code)]
#[path = "../../examples/classes.rs"]
mod example;

/// A message of the server and one of the stream have the same classes, and look like those of the site.
#[actix_web::test]
async fn messages_look_like_bootstrap_and_tailwind() {
    let browser = Browser::start().await;
    let still = json!([{ "name": "prefers-reduced-motion", "value": "reduce" }]);
    browser.emulate_media(still).await;
    for (design, classes) in [
        ("bootstrap", example::bootstrap as Classes),
        ("tailwind", example::tailwind),
    ] {
        let salver = Salver::memory("app").unwrap();
        let url = serve(&salver, design, classes);
        let context = at("ada", "page");
        let all = Level::ALL.map(|level| {
            let message = Message::new(level, format!("The {level} of a page."));
            message.title("Import").action("Show it", "/page")
        });
        salver.add_all(&context, all.into()).await.unwrap();
        browser.open(&url).await;
        browser.wait_for_stream().await;
        let message = Message::error("The card is declined.");
        salver.add(&context, message).await.unwrap();
        let items = "return document.querySelectorAll('salver-messages li').length";
        eventually("the page has all messages", async || {
            (browser.run(items).await == 6).then_some(())
        })
        .await;
        let classes = "return [...document.querySelectorAll('[data-salver-level=error]')].map((item) =>
            [item, item.querySelector('button')].map((element) => element.className + getComputedStyle(element).color))";
        let classes = browser.run(classes).await;
        assert_eq!(classes[0], classes[1], "{design}");
        assert_eq!(
            browser
                .run("return document.querySelectorAll('.salver-message, .salver-close').length")
                .await,
            0
        );
        browser.picture(&format!("design-{design}")).await;
        let (violations, contrast) = browser.axe().await;
        assert!(
            violations.is_empty() && contrast >= 4.5,
            "{design} {contrast}: {violations:#?}"
        );
        let button = "document.querySelector('.salver-toasts button').click()";
        browser.run(button).await;
        assert_eq!(browser.run(items).await, 5);
    }
    browser.quit().await;
}

type Classes = fn(Level, Part) -> Option<&'static str>;

fn serve(salver: &Salver, design: &'static str, classes: Classes) -> String {
    let salver = salver.clone();
    let server = HttpServer::new(move || {
        let middleware = salver.middleware().session(|_: &_| Some(session("ada")));
        App::new()
            .app_data(Data::new(design))
            .wrap(middleware.classes(classes))
            .service(salver.routes())
            .route("/page", web::get().to(page))
            .route("/design/{file}", web::get().to(file))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .h1_allow_half_closed(false);
    let server = server.bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/page", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    url
}

async fn page(design: Data<&'static str>) -> HttpResponse {
    let link = match **design {
        "bootstrap" => "<link rel=\"stylesheet\" href=\"/design/bootstrap.css\">",
        _ => "<script src=\"/design/tailwind.js\"></script>",
    };
    let head = Routes::default().head_html();
    html(format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{design}</title>
<link rel="icon" href="data:,">{head}{link}</head><body><main class="container mx-auto p-4"><h1>{design}</h1>
<salver-messages view="page"></salver-messages></main></body></html>"#,
        design = **design,
    ))
}

async fn file(file: Path<String>) -> HttpResponse {
    let (path, content_type) = match file.as_str() {
        "bootstrap.css" => ("bootstrap/dist/css/bootstrap.min.css", "text/css"),
        _ => (
            "@tailwindcss/browser/dist/index.global.js",
            "text/javascript",
        ),
    };
    let path = target().join("npm/node_modules").join(path);
    let content = std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; `tests/setup.sh` installs it", path.display())
    });
    HttpResponse::Ok().content_type(content_type).body(content)
}
