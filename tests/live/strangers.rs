//! Streams and words of pages of other sites, and of nobody.

use reqwest::Client;
use salver::{Message, Salver};

use super::Site;
use super::client::{Events, confirm, listen};
use crate::faults::site::WHO;
use crate::support::at;

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
        word.json(&serde_json::json!({ "view": "p", "ids": [id] }))
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        // Not even a page's own that does not say so.
        ("x-nothing", "said"),
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
