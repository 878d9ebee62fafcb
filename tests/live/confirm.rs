//! The word of a page that messages are shown.

use reqwest::Client;
use salver::Message;
use serde_json::json;

use super::client::{Events, confirm};
use super::{Site, both};
use crate::faults::site::WHO;
use crate::support::at;

#[actix_web::test]
async fn a_word_counts_for_the_own_session_and_for_what_it_names() {
    for (salver, _server) in both(|salver| salver) {
        let site = Site::start(&salver);
        let page = at("ada", "p");
        let messages: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
        let ids: Vec<_> = messages
            .iter()
            .map(|message| message.id().to_string())
            .collect();
        salver.add_all(&page, messages).await.unwrap();
        for (who, view, left) in [
            ("bob", "p", 3),
            ("ada", "q", 3),
            ("ada", "p", 1),
            ("ada", "p", 1),
        ] {
            let said = confirm(&site, who, view, &[&ids[0], &ids[2]]).send().await;
            assert_eq!(said.unwrap().status(), 204);
            assert_eq!(salver.count(&page).await.unwrap(), left, "{who} {view}");
        }
        let mut events = Events::open(&site, "ada", "p").await;
        assert_eq!(events.soon().await.id, ids[1]);
        site.stop().await;
    }
}

#[actix_web::test]
async fn what_is_no_word_changes_nothing() {
    let [(salver, _), _] = both(|salver| salver);
    let site = Site::start(&salver);
    let (page, message) = (at("ada", "p"), Message::info("text"));
    let id = message.id().to_string();
    salver.add(&page, message).await.unwrap();
    let many = vec![&*id; 257];
    let long = vec![&*id; 1_000];
    let bodies = [
        (json!({ "view": "p" }), 400),
        (json!({ "view": "p", "ids": [1] }), 400),
        (json!({ "view": "p", "ids": ["no id"] }), 400),
        (json!({ "view": "", "ids": [id] }), 422),
        (json!({ "view": "p", "ids": many }), 422),
        (json!({ "view": "p", "ids": long }), 413),
        (json!([]), 400),
    ];
    for (body, status) in bodies {
        let answer = confirm(&site, "ada", "p", &[])
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    // What a form of another site can send without asking.
    let form = Client::new().post(format!("{}/salver/confirm", site.url));
    let form = form
        .header("sec-fetch-site", "same-origin")
        .header(WHO, "ada");
    let form = form.header("content-type", "text/plain");
    let form = form
        .body(format!(r#"{{"view":"p","ids":["{id}"]}}"#))
        .send()
        .await;
    assert_eq!(form.unwrap().status(), 415);
    assert_eq!(salver.count(&page).await.unwrap(), 1);
    site.stop().await;
}
