//! Messages in the visitor's language, wherever they are shown.

use std::process::Command;

use actix_web::test::TestRequest;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use salver::store::RedisStore;
use salver::web::Translation;
use salver::{Message, Messages, Pending, Salver};
use serde_json::json;

use crate::live::client::Events;
use crate::support::app::example;
use crate::support::processes::{free_port, start};
use crate::support::redis::Server;
use crate::support::{at, eventually};
use crate::web::site::{Answer, PAGE, ada, adas, html, site};

/// Knows a few words of Danish.
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
            "salver-more" => format!("og {} til", args.join(" ")).into(),
            // What cannot be shown is not.
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

fn told() -> [Message; 4] {
    [
        saved(),
        Message::info("2 icons")
            .key("icons")
            .arg("count", 2)
            .arg("name", "ø"),
        Message::info("nobody has words for it").key("unknown"),
        Message::info("too long in Danish").key("long"),
    ]
}

const DANISH: [&str; 7] = [
    "<strong>Indstillinger</strong>",
    "Gemt &lt;b&gt;.",
    "href=\"/settings\">Se</a>",
    "count=2 name=&quot;ø&quot; ikoner",
    "nobody has words for it",
    "too long in Danish",
    "og count=3 til",
];
const ENGLISH: [&str; 7] = [
    "<strong>Settings</strong>",
    "Saved.",
    "href=\"/settings\">Look</a>",
    "2 icons",
    "nobody has words for it",
    "too long in Danish",
    "and 3 more",
];

fn shows(answer: &Answer, words: &[&str]) {
    for word in words {
        assert!(answer.shows(word), "{word:?} in {}", answer.body);
    }
}

#[actix_web::test]
async fn a_page_is_in_the_visitors_language() {
    async fn drawn(pending: Pending) -> HttpResponse {
        html(pending.html())
    }
    async fn now(messages: Messages, mut pending: Pending) -> HttpResponse {
        pending.now(saved());
        drop(pending);
        messages.now(Message::info("2 icons").key("icons"));
        html(PAGE)
    }
    let server = Server::start();
    for (language, words) in [("da", DANISH), ("en", ENGLISH)] {
        for store in [true, false] {
            let salver = Salver::builder("app").max_messages(4);
            let salver = match store {
                true => salver.store(RedisStore::new(&server.url()).unwrap()),
                false => salver,
            };
            let salver = salver.build().unwrap();
            let middleware = salver.middleware().session(|_: &_| Some(ada()));
            let site = site(middleware.translate(translator), |app| {
                app.route("/slot", web::get().to(|| async { html(PAGE) }))
                    .route("/drawn", web::get().to(drawn))
                    .route("/now", web::get().to(now))
                    .route("/part", web::get().to(|| async { html("<p>part</p>") }));
            })
            .await;
            let get = |path: &str| {
                TestRequest::get()
                    .uri(path)
                    .insert_header(("accept-language", language))
            };
            for path in ["slot", "drawn"] {
                let page = adas(&salver, path);
                // Three more than there is room for.
                let many = (0..3).map(|n| Message::info(n.to_string())).chain(told());
                salver.add_all(&page, many.collect()).await.unwrap();
                shows(&site.send(get(&format!("/{path}"))).await, &words);
                // What is confirmed off the visitor's path makes no room for what comes.
                salver.flush().await;
            }
            salver
                .add_all(&adas(&salver, "slot"), told().into())
                .await
                .unwrap();
            let part = get("/part").insert_header(("hx-request", "true"));
            let part = part.insert_header(("salver-view", "slot"));
            shows(&site.send(part).await, &words[..6]);
            shows(&site.send(get("/now")).await, &words[..3]);
            salver.flush().await;
        }
    }
}

#[actix_web::test]
async fn streams_and_json_are_in_the_visitors_language() {
    let salver = Salver::builder("app").max_messages(4).build().unwrap();
    let served = salver.clone();
    let server = HttpServer::new(move || {
        let middleware = served.middleware().session(crate::faults::site::visitor);
        App::new()
            .wrap(middleware.translate(translator))
            .service(served.routes())
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}/salver", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    let page = at("ada", "p");
    let ask = |request: reqwest::RequestBuilder| {
        request
            .header(crate::faults::site::WHO, "ada")
            .header("sec-fetch-site", "same-origin")
            .header("accept-language", "da")
    };
    let many = (0..3).map(|n| Message::info(n.to_string())).chain(told());
    salver.add_all(&page, many.collect()).await.unwrap();
    let claim = reqwest::Client::new().post(format!("{url}/claim"));
    let claim = ask(claim.json(&json!({ "view": "p" })))
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

    salver.clear(&page).await.unwrap();
    let many = (0..3).map(|n| Message::info(n.to_string())).chain(told());
    salver.add_all(&page, many.collect()).await.unwrap();
    let stream = reqwest::Client::new().get(format!("{url}/stream?view=p"));
    let stream = ask(stream).header("accept", "text/event-stream");
    let mut events = Events::of(stream.send().await.unwrap()).await;
    let first = events.soon().await;
    assert_eq!(first.text(), "Gemt <b>.");
    assert!(
        first.json()["html"]
            .as_str()
            .unwrap()
            .contains("Gemt &lt;b&gt;.")
    );
    for _ in 0..3 {
        events.soon().await;
    }
    let more = events.soon().await;
    assert_eq!(more.json(), json!({ "count": 3, "text": "og count=3 til" }));
}

/// The example, by its languages.
#[tokio::test]
async fn fluent_says_it() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(example("fluent"));
    let _process = start(command.env("SALVER_ADDR", &address), "cargo");
    let url = format!("http://{address}/");
    eventually("the example answers", async || {
        reqwest::get(&url).await.ok()
    })
    .await;
    for (language, words) in [
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
        for word in words {
            assert!(page.contains(word), "{language}: {word:?} in {page}");
        }
    }
}
