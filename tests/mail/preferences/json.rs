//! Preferences as JSON.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::{PATH, chosen, get, profiles, settings, texts, with_kinds, with_profiles};
use crate::support::inbox_site::{InboxSite, Setup, send};
use crate::support::inboxes::Inboxes;
use crate::support::schemathesis::schemathesis;
use crate::support::site::TestResponse;

fn with_json(body: Value) -> TestRequest {
    let request = TestRequest::post().uri(PATH).set_json(body);
    request.insert_header(("x-user", "ada"))
}

async fn json_of(inboxes: &Inboxes, request: TestRequest) -> (TestResponse, Value) {
    let salver = &inboxes.salver;
    let request = request.insert_header(("accept", "application/json"));
    let response = send(salver, with_profiles(salver.inbox_routes()), request).await;
    let body = serde_json::from_str(&response.body).unwrap();
    (response, body)
}

crate::inbox_tests! {
    (settings)

    async fn script_reads_and_saves_preferences(inboxes: Inboxes) {
        let (response, before) = json_of(&inboxes, get()).await;
        assert_eq!(response.header("cache-control"), Some("no-store, private"));
        let kind = |kind: &str, name: &str, default: &str| {
            json!({ "kind": kind, "name": name, "critical": kind == "security", "cadence": null, "default": default })
        };
        let expected = json!({
            "kinds": [
                kind("graph", "Graphs", "at-once"),
                kind("letter", "Letters <b>", "if-unread:1800"),
                kind("news", "News", "daily:7"),
                kind("security", "Security", "at-once"),
                kind("*", "Everything else", "never"),
            ],
            "hour": 7,
            "weekday": "monday",
            "time_zone": "Europe/Berlin",
            "address": "ada@example.org",
            "suppressed": false,
        });
        assert_eq!((response.status.as_u16(), &before), (200, &expected));
        // What was read, sent back, changes nothing.
        let (response, same) = json_of(&inboxes, with_json(before.clone())).await;
        assert_eq!((response.status.as_u16(), &same), (200, &before), "{}", response.body);
        assert!(chosen(&inboxes.inbox()).await.is_empty());

        let change = json!({ "hour": 17, "weekday": "friday", "kinds": [
            { "kind": "graph", "cadence": "weekly" },
            { "kind": "letter", "cadence": "if-unread:3600" },
            { "kind": "news", "cadence": "daily:9" },
        ] });
        let (response, after) = json_of(&inboxes, with_json(change)).await;
        assert_eq!(response.status, 200, "{}", response.body);
        let expected = [("graph", "weekly:friday:17"), ("letter", "if-unread:3600"), ("news", "daily:9")];
        assert_eq!(chosen(&inboxes.inbox()).await, texts(expected));
        let cadence = |index: usize| &after["kinds"][index]["cadence"];
        assert_eq!([cadence(0), cadence(1), cadence(2)], ["weekly:friday:17", "if-unread:3600", "daily:9"]);
        assert_eq!((&after["hour"], &after["weekday"]), (&json!(17), &json!("friday")));
        // A kind that is not named stays.
        let reset = json!({ "kinds": [{ "kind": "graph", "cadence": null }] });
        json_of(&inboxes, with_json(reset)).await;
        assert_eq!(chosen(&inboxes.inbox()).await, texts([("letter", "if-unread:3600"), ("news", "daily:9")]));
    }

    async fn document_without_profile_has_no_address(inboxes: Inboxes) {
        let (salver, request) = (&inboxes.salver, get().insert_header(("accept", "application/json")));
        let response = send(salver, with_kinds(salver.inbox_routes()), request).await;
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!((&body["address"], &body["time_zone"], &body["suppressed"]), (&Value::Null, &Value::Null, &json!(false)));
        salver.suppress_mail("ada@example.org").await.unwrap();
        assert_eq!(json_of(&inboxes, get()).await.1["suppressed"], true);
    }
}

/// Schemathesis sends valid and invalid requests: each response is one that the OpenAPI document lists.
#[actix_web::test]
async fn schemathesis_finds_no_mismatch_of_preferences() {
    let inboxes = Inboxes::memory_with(settings);
    let setup = Setup {
        default_user: Some("ada"),
        inbox: Some(|routes| with_kinds(routes).profiles(profiles)),
        ..Setup::default()
    };
    let site = InboxSite::serve(inboxes.salver.clone(), setup);
    let url = format!("{}/salver", site.url);
    let arguments = [
        "--include-path",
        "/inbox/preferences",
        "--checks",
        "all",
        // Which kinds there are is a matter of the site, not of the document.
        "--exclude-checks",
        "positive_data_acceptance",
        "--header",
        "accept: application/json",
    ];
    let summary = schemathesis(&site.at("/openapi.json"), &url, &arguments).await;
    println!("MAIL schemathesis preferences: {summary}");
}
