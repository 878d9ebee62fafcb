//! Confirmations: requests of a page that report the messages that it shows.

use reqwest::Client;
use salver::Message;
use serde_json::json;

use super::on_both_stores;
use crate::support::at;
use crate::support::event_stream::{EventStream, confirm_request};
use crate::support::fault_site::VISITOR_HEADER;
use crate::support::live_site::LiveSite;

#[actix_web::test]
async fn confirm_removes_named_messages_of_own_session_only() {
    for (salver, _server) in on_both_stores(|salver| salver) {
        let site = LiveSite::start(&salver);
        let context = at("ada", "p");
        let messages: Vec<_> = (0..3).map(|n| Message::info(n.to_string())).collect();
        let ids: Vec<_> = messages
            .iter()
            .map(|message| message.id().to_string())
            .collect();
        salver.add_all(&context, messages).await.unwrap();
        for (visitor, view, remaining) in [
            ("bob", "p", 3),
            ("ada", "q", 3),
            ("ada", "p", 1),
            ("ada", "p", 1),
        ] {
            let confirm = confirm_request(&site, visitor, view, &[&ids[0], &ids[2]]);
            assert_eq!(confirm.send().await.unwrap().status(), 204);
            let count = salver.count(&context).await.unwrap();
            assert_eq!(count, remaining, "{visitor} {view}");
        }
        let mut events = EventStream::open(&site, "ada", "p").await;
        assert_eq!(events.expect_next().await.message_id(), ids[1]);
        site.stop().await;
    }
}

/// A page without a view of its own shows the messages of any page.
#[actix_web::test]
async fn page_without_a_view_confirms_messages_of_any_page() {
    for (salver, _server) in on_both_stores(|salver| salver) {
        let site = LiveSite::start(&salver);
        let (context, message) = (at("ada", "*"), Message::info("text"));
        let id = message.id().to_string();
        salver.add(&context, message).await.unwrap();
        let confirm = confirm_request(&site, "ada", "*", &[&id]);
        assert_eq!(confirm.send().await.unwrap().status(), 204);
        assert_eq!(salver.count(&context).await.unwrap(), 0);
        site.stop().await;
    }
}

#[actix_web::test]
async fn invalid_confirm_changes_nothing() {
    let [(salver, _), _] = on_both_stores(|salver| salver);
    let site = LiveSite::start(&salver);
    let (context, message) = (at("ada", "p"), Message::info("text"));
    let id = message.id().to_string();
    salver.add(&context, message).await.unwrap();
    let too_many = vec![&*id; 257];
    let too_large = vec![&*id; 1_000];
    let bodies = [
        (json!({ "view": "p" }), 400),
        (json!({ "view": "p", "ids": [1] }), 400),
        (json!({ "view": "p", "ids": ["no id"] }), 400),
        (json!({ "view": "", "ids": [id] }), 422),
        (json!({ "view": "p", "ids": too_many }), 422),
        (json!({ "view": "p", "ids": too_large }), 413),
        (json!([]), 400),
    ];
    for (body, status) in bodies {
        let response = confirm_request(&site, "ada", "p", &[])
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{body}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
    }
    // The request that a form of another site can send without a CORS preflight.
    let form = Client::new().post(format!("{}/salver/confirm", site.url));
    let form = form
        .header("sec-fetch-site", "same-origin")
        .header(VISITOR_HEADER, "ada");
    let form = form.header("content-type", "text/plain");
    let form = form
        .body(format!(r#"{{"view":"p","ids":["{id}"]}}"#))
        .send()
        .await;
    assert_eq!(form.unwrap().status(), 415);
    assert_eq!(salver.count(&context).await.unwrap(), 1);
    site.stop().await;
}
