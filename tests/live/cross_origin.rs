//! Streams and words of pages of other sites, and of nobody.

use std::time::Duration;

use actix_web::{App, HttpServer, web};
use reqwest::Client;
use salver::{Message, Salver};
use serde_json::json;

use super::Site;
use super::client::{Events, confirm, listen};
use super::harness::Stage;
use crate::faults::site::WHO;
use crate::support::at;
use crate::web::site::html;

#[actix_web::test]
async fn another_site_reads_nothing_and_takes_nothing() {
    let salver = Salver::memory("app").unwrap();
    let site = Site::start(&salver);
    let (page, message) = (at("ada", "p"), Message::info("text"));
    let id = message.id().to_string();
    salver.add(&page, message).await.unwrap();
    let stream = format!("{}/salver/stream?view=p", site.url);
    let strangers = [
        [
            ("sec-fetch-site", "cross-site"),
            ("accept", "text/event-stream"),
        ],
        [
            ("sec-fetch-site", "same-site"),
            ("accept", "text/event-stream"),
        ],
        [("sec-fetch-site", "none"), ("accept", "text/event-stream")],
        [
            ("origin", "https://evil.example"),
            ("accept", "text/event-stream"),
        ],
        [("origin", "null"), ("accept", "text/event-stream")],
        // Who says nothing, and who names another page.
        [("x-nothing", "said"), ("accept", "text/event-stream")],
        [
            ("referer", "https://evil.example/"),
            ("accept", "text/event-stream"),
        ],
        // A form, a frame and an address that was typed in.
        [
            ("sec-fetch-site", "same-origin"),
            ("accept", "text/html,*/*;q=0.8"),
        ],
    ];
    for stranger in strangers {
        let mut asks = Client::new().get(&stream).header(WHO, "ada");
        for (name, value) in stranger {
            asks = asks.header(name, value);
        }
        let answer = asks.send().await.unwrap();
        assert_eq!(answer.status(), 403, "{stranger:?}");
        assert_eq!(answer.bytes().await.unwrap(), "");
    }
    let word = |name: &'static str, value: &'static str| {
        let word = Client::new().post(format!("{}/salver/confirm", site.url));
        let word = word.header(WHO, "ada").header(name, value);
        word.json(&json!({ "view": "p", "ids": [id] }))
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let answer = word(name, value).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{name}: {value}");
    }
    assert_eq!(
        salver.count(&page).await.unwrap(),
        1,
        "nothing was consumed"
    );
    // Older browsers say where the request comes from, and no more.
    for (name, value) in [
        ("origin", site.url.clone()),
        ("referer", format!("{}/p", site.url)),
    ] {
        let older = Client::new()
            .get(&stream)
            .header(WHO, "ada")
            .header(name, value);
        let older = older
            .header("accept", "text/event-stream")
            .send()
            .await
            .unwrap();
        assert_eq!(older.status(), 200, "{name}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn who_has_no_session_has_no_stream() {
    let salver = Salver::memory("app").unwrap();
    let site = Site::start_with_cookies(&salver);
    let answer = listen(&site, "ada", "p").send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(answer.headers().get("set-cookie").is_none());
    assert_eq!(
        confirm(&site, "ada", "p", &[])
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    for view in ["", "x\u{0}"] {
        let answer = listen(&site, "ada", view).send().await.unwrap();
        assert_eq!(answer.status(), 422, "{view:?}");
    }
    site.stop().await;
}

/// Login and logout end the streams of the old session: what the page shows is not this visitor's any more.
#[actix_web::test]
async fn a_session_that_ends_ends_its_streams() {
    let salver = Salver::memory("app").unwrap();
    let site = Site::start_with_cookies(&salver);
    let visitor = Client::builder().cookie_store(true).build().unwrap();
    let post = async |path: &str| {
        let answer = visitor.post(format!("{}{path}", site.url)).send().await;
        assert_eq!(answer.unwrap().status(), 200);
    };
    let open = async || {
        let stream = visitor.get(format!("{}/salver/stream?view=p", site.url));
        let stream = stream
            .header("accept", "text/event-stream")
            .header("sec-fetch-site", "same-origin")
            .send()
            .await;
        Events::of(stream.unwrap()).await
    };
    post("/enter").await;
    for end in ["/renew", "/forget"] {
        let mut events = open().await;
        post(end).await;
        assert_eq!(events.soon().await.name, "reset", "{end}");
        assert_eq!(events.next().await, None, "{end}");
    }
    site.stop().await;
}

/// Where sessions are the site's own, it says itself which one has ended.
#[actix_web::test]
async fn a_session_of_the_sites_own_ends_when_it_says_so() {
    let salver = Salver::memory("app").unwrap();
    let site = Site::start(&salver);
    let mut ada = Events::open(&site, "ada", "p").await;
    let mut bob = Events::open(&site, "bob", "p").await;
    salver.reset_streams(at("ada", "p").session());
    assert_eq!(ada.soon().await.name, "reset");
    assert_eq!(ada.next().await, None);
    salver
        .add(&at("bob", "p"), Message::info("text"))
        .await
        .unwrap();
    assert_eq!(bob.soon().await.text(), "text", "nobody else is disturbed");
    site.stop().await;
}

/// A page of another site in a real browser, where every request is taken for Ada's: it reads nothing, and what waits
/// for her is neither taken nor hidden.
#[actix_web::test]
async fn a_hostile_page_reads_nothing_and_takes_nothing() {
    let mut stage = Stage::new(Duration::from_secs(15)).await;
    let hostile = HttpServer::new(|| {
        App::new().route(
            "/",
            web::get().to(|| async { html("<!doctype html><title>evil</title><body>") }),
        )
    });
    let hostile = hostile
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let port = hostile.addrs()[0].port();
    actix_web::rt::spawn(hostile.run());
    let (id, _) = stage.add("a").await;
    let site = stage.at("");
    let arguments = vec![json!(site.trim_end_matches('/')), json!(id)];
    let mut tried = 0;
    // Another host, and the same host on another port: that is the same site, and another origin.
    for host in ["localhost", "127.0.0.1"] {
        stage.browser.open(&format!("http://{host}:{port}/")).await;
        let script = include_str!("hostile.js");
        let report = stage
            .browser
            .driver
            .execute_async(script, arguments.clone())
            .await
            .unwrap();
        assert_eq!(report.json()["read"], json!([]), "{host}");
        tried += report.json()["tried"].as_u64().unwrap();
        let context = at("ada", "a");
        assert_eq!(stage.job.count(&context).await.unwrap(), 1, "{host}");
    }
    println!("LIVE hostile tried={tried} read=0 consumed=0");
    stage.open("a").await;
    stage.told("shown", &id).await;
    stage.judge("hostile");
    stage.end().await;
}
