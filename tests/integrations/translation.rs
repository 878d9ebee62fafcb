//! Messages in the visitor's language: in pages, partials, streams and the JSON API.

use std::process::Command;

use actix_web::test::TestRequest;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use salver::Translation;
use salver::store::RedisStore;
use salver::{Message, Messages, Pending, Salver};
use serde_json::json;

use crate::support::event_stream::EventStream;
use crate::support::example_programs::example;
use crate::support::processes::{free_port, start};
use crate::support::redis::Server;
use crate::support::site::{PAGE, TestResponse, ada, context_of_ada, html, site};
use crate::support::{at, eventually};

/// Returns a translator to Danish for requests that accept it.
fn translator(request: &HttpRequest) -> impl Fn(&Message) -> Option<Translation> + use<> {
    let language = request.headers().get("accept-language");
    let danish = language.is_some_and(|value| value == "da");
    move |message: &Message| {
        let key = message.get_key().filter(|_| danish)?;
        let args: Vec<_> = message
            .args()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Some(match key {
            "saved" => Translation::new("Gemt <b>.")
                .title("Indstillinger")
                .action("Se"),
            "icons" => format!("{} ikoner", args.join(" ")).into(),
            "salver-level-success" => "Fuldført:".into(),
            "salver-more" => format!("og {} til", args.join(" ")).into(),
            // Over the length limit: the original text is shown.
            "long" => "x".repeat(5_000).into(),
            _ => return None,
        })
    }
}

fn saved() -> Message {
    Message::success("Saved.")
        .title("Settings")
        .action("Look", "/settings")
        .key("saved")
}

fn messages() -> [Message; 4] {
    [
        saved(),
        Message::info("2 icons")
            .key("icons")
            .arg("count", 2)
            .arg("name", "ø"),
        Message::info("without a translation").key("unknown"),
        Message::info("too long in Danish").key("long"),
    ]
}

const DANISH: [&str; 8] = [
    "\">Fuldført:</span> <strong>",
    "<strong>Indstillinger</strong>",
    "Gemt &lt;b&gt;.",
    "href=\"/settings\">Se</a>",
    "count=2 name=&quot;ø&quot; ikoner",
    "without a translation",
    "too long in Danish",
    "og count=3 til",
];
const ENGLISH: [&str; 8] = [
    "\">Success:</span> <strong>",
    "<strong>Settings</strong>",
    "Saved.",
    "href=\"/settings\">Look</a>",
    "2 icons",
    "without a translation",
    "too long in Danish",
    "and 3 more",
];

fn assert_shows(response: &TestResponse, texts: &[&str]) {
    for text in texts {
        assert!(response.shows(text), "{text:?} in {}", response.body);
    }
}

#[actix_web::test]
async fn pages_and_partials_are_translated() {
    async fn rendered(pending: Pending) -> HttpResponse {
        html(pending.html())
    }
    async fn now(messages: Messages, mut pending: Pending) -> HttpResponse {
        pending.now(saved());
        drop(pending);
        messages.now(Message::info("2 icons").key("icons"));
        html(PAGE)
    }
    let server = Server::start();
    for (language, texts) in [("da", DANISH), ("en", ENGLISH)] {
        for on_redis in [true, false] {
            let salver = Salver::builder("app").max_messages(4);
            let salver = match on_redis {
                true => salver.store(RedisStore::new(&server.url()).unwrap()),
                false => salver,
            };
            let salver = salver.build().unwrap();
            let middleware = salver.middleware().session(|_: &_| Some(ada()));
            let site = site(middleware.translate(translator), |app| {
                app.route("/slot", web::get().to(|| async { html(PAGE) }))
                    .route("/rendered", web::get().to(rendered))
                    .route("/now", web::get().to(now))
                    .route(
                        "/partial",
                        web::get().to(|| async { html("<p>partial</p>") }),
                    );
            })
            .await;
            let get = |path: &str| {
                TestRequest::get()
                    .uri(path)
                    .insert_header(("accept-language", language))
            };
            for path in ["slot", "rendered"] {
                let context = context_of_ada(&salver, path);
                // Three more than the limit of the context.
                let many = (0..3)
                    .map(|n| Message::info(n.to_string()))
                    .chain(messages());
                salver.add_all(&context, many.collect()).await.unwrap();
                assert_shows(&site.send(get(&format!("/{path}"))).await, &texts);
                // Confirms in the background have to finish before the next add.
                salver.flush().await;
            }
            salver
                .add_all(&context_of_ada(&salver, "slot"), messages().into())
                .await
                .unwrap();
            let partial = get("/partial").insert_header(("hx-request", "true"));
            let partial = partial.insert_header(("salver-view", "slot"));
            assert_shows(&site.send(partial).await, &texts[..7]);
            assert_shows(&site.send(get("/now")).await, &texts[..4]);
            salver.flush().await;
        }
    }
}

#[actix_web::test]
async fn streams_and_json_api_are_translated() {
    let salver = Salver::builder("app").max_messages(4).build().unwrap();
    let site_salver = salver.clone();
    let server = HttpServer::new(move || {
        let middleware = site_salver
            .middleware()
            .session(crate::support::fault_site::visitor);
        App::new()
            .wrap(middleware.translate(translator))
            .service(site_salver.routes())
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}/salver", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    let context = at("ada", "p");
    let as_ada = |request: reqwest::RequestBuilder| {
        request
            .header(crate::support::fault_site::VISITOR_HEADER, "ada")
            .header("sec-fetch-site", "same-origin")
            .header("accept-language", "da")
    };
    let many = (0..3)
        .map(|n| Message::info(n.to_string()))
        .chain(messages());
    salver.add_all(&context, many.collect()).await.unwrap();
    let claim = reqwest::Client::new().post(format!("{url}/claim"));
    let claim = as_ada(claim.json(&json!({ "view": "p" })))
        .send()
        .await
        .unwrap();
    let claimed: serde_json::Value = claim.json().await.unwrap();
    let first = &claimed["messages"][0];
    assert_eq!(
        (&first["text"], &first["title"]),
        (&json!("Gemt <b>."), &json!("Indstillinger"))
    );
    assert_eq!(
        first["action"],
        json!({ "label": "Se", "url": "/settings" })
    );
    assert_eq!(claimed["displaced"], 3);

    salver.clear(&context).await.unwrap();
    let many = (0..3)
        .map(|n| Message::info(n.to_string()))
        .chain(messages());
    salver.add_all(&context, many.collect()).await.unwrap();
    let stream = reqwest::Client::new().get(format!("{url}/stream?view=p"));
    let stream = as_ada(stream).header("accept", "text/event-stream");
    let mut events = EventStream::from_response(stream.send().await.unwrap()).await;
    let first = events.expect_next().await;
    assert_eq!(first.text(), "Gemt <b>.");
    assert!(
        first.json()["html"]
            .as_str()
            .unwrap()
            .contains("Gemt &lt;b&gt;.")
    );
    for _ in 0..3 {
        events.expect_next().await;
    }
    let more = events.expect_next().await;
    let more = more.json();
    assert_eq!(
        (&more["count"], &more["text"]),
        (&json!(3), &json!("og count=3 til"))
    );
    let html = more["html"].as_str().unwrap();
    assert!(
        html.contains("<li class=\"salver-more\">og count=3 til</li>"),
        "{html}"
    );
}

/// The example `fluent`, in each of its languages.
#[tokio::test]
async fn fluent_example_translates() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(example("fluent"));
    let _process = start(command.env("SALVER_ADDR", &address), "cargo");
    let url = format!("http://{address}/");
    eventually("the example responds", async || {
        reqwest::get(&url).await.ok()
    })
    .await;
    for (language, texts) in [
        (
            "da, en;q=0.5",
            ["120 ikoner er klar.", "Dit abonnement udløber snart."],
        ),
        ("en-GB", ["120 icons are ready.", "Your plan ends soon."]),
        (
            "de-AT,de",
            ["120 Symbole sind bereit.", "Your plan ends soon."],
        ),
        ("fr", ["120 icons are ready.", "Your plan ends soon."]),
    ] {
        let visitor = reqwest::Client::builder()
            .cookie_store(true)
            .build()
            .unwrap();
        let form = visitor.post(&url).header("accept-language", language);
        let page = form.send().await.unwrap().text().await.unwrap();
        for text in texts {
            assert!(page.contains(text), "{language}: {text:?} in {page}");
        }
    }
}
