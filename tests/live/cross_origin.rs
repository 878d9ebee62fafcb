//! Streams and confirmations of pages of other origins, and of visitors without a session.

use std::time::Duration;

use actix_web::{App, HttpServer, web};
use reqwest::Client;
use salver::{Message, Salver};
use serde_json::json;

use super::harness::Harness;
use crate::support::at;
use crate::support::event_stream::{EventStream, confirm_request, stream_request};
use crate::support::fault_site::VISITOR_HEADER;
use crate::support::live_site::LiveSite;
use crate::support::site::html;

#[actix_web::test]
async fn cross_origin_requests_read_and_remove_nothing() {
    let salver = Salver::memory("app").unwrap();
    let site = LiveSite::start(&salver);
    let (context, message) = (at("ada", "p"), Message::info("text"));
    let id = message.id().to_string();
    salver.add(&context, message).await.unwrap();
    let stream = format!("{}/salver/stream?view=p", site.url);
    let refused_headers = [
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
        // Neither origin nor referer, and the referer of another origin.
        [("x-unrelated", "header"), ("accept", "text/event-stream")],
        [
            ("referer", "https://evil.example/"),
            ("accept", "text/event-stream"),
        ],
        // A form, a frame, or a URL that the visitor typed: they accept HTML.
        [
            ("sec-fetch-site", "same-origin"),
            ("accept", "text/html,*/*;q=0.8"),
        ],
    ];
    for headers in refused_headers {
        let mut request = Client::new().get(&stream).header(VISITOR_HEADER, "ada");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 403, "{headers:?}");
        assert_eq!(response.bytes().await.unwrap(), "");
    }
    let confirm = |name: &str, value: &str| {
        let request = Client::new().post(format!("{}/salver/confirm", site.url));
        let request = request.header(VISITOR_HEADER, "ada").header(name, value);
        request.json(&json!({ "view": "p", "ids": [id] }))
    };
    // Another host on the port of the site, and the host of the site on another port.
    let other_host = site.url.replace("127.0.0.1", "evil.example");
    assert_ne!(other_host, site.url);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", &other_host),
        ("origin", "http://127.0.0.1:1"),
    ] {
        let response = confirm(name, value).send().await.unwrap();
        assert_eq!(response.status(), 403, "{name}: {value}");
    }
    assert_eq!(
        salver.count(&context).await.unwrap(),
        1,
        "no message is removed"
    );
    // Older browsers send the origin or the referer, and no fetch metadata.
    for (name, value) in [
        ("origin", site.url.clone()),
        ("referer", format!("{}/p", site.url)),
    ] {
        let request = Client::new()
            .get(&stream)
            .header(VISITOR_HEADER, "ada")
            .header(name, value);
        let response = request
            .header("accept", "text/event-stream")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{name}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn stream_without_session_replies_204() {
    let salver = Salver::memory("app").unwrap();
    let site = LiveSite::start_with_cookies(&salver);
    let response = stream_request(&site, "ada", "p").send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert!(response.headers().get("set-cookie").is_none());
    let confirm = confirm_request(&site, "ada", "p", &[]);
    assert_eq!(confirm.send().await.unwrap().status(), 204);
    site.stop().await;
}

/// Login and logout close the streams of the old session: the open page shows content of that
/// session.
#[actix_web::test]
async fn renew_and_close_session_close_streams() {
    let salver = Salver::memory("app").unwrap();
    let site = LiveSite::start_with_cookies(&salver);
    let visitor = Client::builder().cookie_store(true).build().unwrap();
    let post = async |path: &str| {
        let response = visitor.post(format!("{}{path}", site.url)).send().await;
        assert_eq!(response.unwrap().status(), 200);
    };
    let open = async || {
        let stream = visitor.get(format!("{}/salver/stream?view=p", site.url));
        let stream = stream
            .header("accept", "text/event-stream")
            .header("sec-fetch-site", "same-origin")
            .send()
            .await;
        EventStream::from_response(stream.unwrap()).await
    };
    post("/session").await;
    for path in ["/renew", "/close"] {
        let mut events = open().await;
        post(path).await;
        assert_eq!(events.expect_next().await.name, "reset", "{path}");
        assert_eq!(events.next().await, None, "{path}");
    }
    site.stop().await;
}

/// A site with its own sessions calls `reset_streams` when one ends.
#[actix_web::test]
async fn reset_streams_closes_streams_of_that_session_only() {
    let salver = Salver::memory("app").unwrap();
    let site = LiveSite::start(&salver);
    let mut ada = EventStream::open(&site, "ada", "p").await;
    let mut bob = EventStream::open(&site, "bob", "p").await;
    salver.reset_streams(at("ada", "p").session());
    assert_eq!(ada.expect_next().await.name, "reset");
    assert_eq!(ada.next().await, None);
    salver
        .add(&at("bob", "p"), Message::info("text"))
        .await
        .unwrap();
    let event = bob.expect_next().await;
    assert_eq!(event.text(), "text", "bob's stream is open");
    site.stop().await;
}

/// A page of another origin in a real browser, on a site that treats every request as Ada's: the
/// page reads nothing, and Ada's messages are neither removed nor hidden.
#[actix_web::test]
async fn hostile_page_in_browser_reads_and_removes_nothing() {
    let mut harness = Harness::start(Duration::from_secs(15)).await;
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
    let (id, _) = harness.add("a").await;
    let site = harness.at("");
    let arguments = vec![json!(site.trim_end_matches('/')), json!(id)];
    let mut requests = 0;
    // Another host, and the same host on another port: the same site, but another origin.
    for host in ["localhost", "127.0.0.1"] {
        harness
            .browser
            .open(&format!("http://{host}:{port}/"))
            .await;
        let script = include_str!("hostile.js");
        let report = harness
            .browser
            .driver
            .execute_async(script, arguments.clone())
            .await
            .unwrap();
        assert_eq!(report.json()["read"], json!([]), "{host}");
        requests += report.json()["requests"].as_u64().unwrap();
        let context = at("ada", "a");
        assert_eq!(harness.job.count(&context).await.unwrap(), 1, "{host}");
    }
    println!("LIVE hostile_page requests={requests} read=0 removed=0");
    harness.open("a").await;
    harness.wait_for("shown", &id).await;
    harness.assert_each_shown_once("hostile_page");
    harness.stop().await;
}
