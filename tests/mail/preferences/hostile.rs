//! Requests that no page of this site sends.

use actix_web::test::TestRequest;
use serde_json::json;

use super::{PATH, chosen, page, post, settings, texts, with_profiles};
use crate::support::inbox_site::send;
use crate::support::inboxes::bob;
use salver::Recipient;

/// Forms that are refused.
fn forms() -> Vec<String> {
    let mut forms: Vec<_> = [
        // A kind of no site, one that is critical, and one that this person has not.
        "cadence.graphs=never&hour=8",
        "cadence.=never&hour=8",
        "cadence.security=never&hour=8",
        "cadence.security.login=never&hour=8",
        "cadence.graph.uploaded=never&hour=8",
        "cadence.graph%00=never&hour=8",
        // A cadence that does not exist.
        "cadence.graph=",
        "cadence.graph=sometimes",
        "cadence.graph=daily:24",
        "cadence.graph=weekly:someday:8",
        "cadence.graph=if-unread:0",
        "cadence.graph=if-unread:99999999999999999999",
        "cadence.graph=never&cadence.graph=hourly",
        // An hour or a day that does not exist, also where no cadence has one.
        "cadence.graph=never&hour=24",
        "cadence.graph=never&hour=-1",
        "cadence.graph=never&hour=18446744073709551617",
        "cadence.graph=never&hour=",
        "cadence.graph=never&hour=8&hour=9",
        "cadence.graph=never&weekday=Monday",
        "cadence.graph=never&weekday=",
        "cadence.graph=never&weekday=someday",
        // One wrong kind keeps all others.
        "cadence.graph=never&cadence.letter=never&cadence.zzz=never",
    ]
    .map(str::to_owned)
    .into();
    let kinds = (0..600).map(|number| format!("cadence.k{number}=never"));
    forms.push(kinds.collect::<Vec<_>>().join("&"));
    forms
}

crate::inbox_tests! {
    (settings)

    async fn wrong_values_change_nothing(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let routes = || with_profiles(salver.inbox_routes());
        let forms = forms();
        for form in &forms {
            let response = send(salver, routes(), post(form)).await;
            assert_eq!(response.status, 422, "{form}");
            assert_eq!(response.header("content-type"), Some("application/problem+json"));
        }
        let deep = (0..100).fold(json!("never"), |inner, _| json!([inner]));
        let documents = [
            json!(null),
            json!([]),
            json!({}),
            json!({ "kinds": null }),
            json!({ "kinds": { "graph": "never" } }),
            json!({ "kinds": ["graph"] }),
            json!({ "kinds": [{ "kind": "graph" }] }),
            json!({ "kinds": [{ "cadence": "never" }] }),
            json!({ "kinds": [{ "kind": 7, "cadence": "never" }] }),
            json!({ "kinds": [{ "kind": "graph", "cadence": 7 }] }),
            json!({ "kinds": [{ "kind": "graph", "cadence": deep }] }),
            json!({ "kinds": [{ "kind": "graph", "cadence": "default" }] }),
            json!({ "kinds": [{ "kind": "graph", "cadence": "never" }, { "kind": "security", "cadence": "never" }] }),
            json!({ "kinds": [{ "kind": "graph", "cadence": "never" }], "hour": 8.5 }),
            json!({ "kinds": [{ "kind": "graph", "cadence": "never" }], "hour": null }),
            json!({ "kinds": [{ "kind": "graph", "cadence": "never" }], "weekday": 1 }),
        ];
        for document in &documents {
            let request = TestRequest::post().uri(PATH).insert_header(("x-user", "ada"));
            let response = send(salver, routes(), request.set_json(document)).await;
            assert_eq!(response.status, 422, "{document}");
        }
        assert!(chosen(&inboxes.inbox()).await.is_empty());
        println!("MAIL hostile_forms={} documents={} changed=0", forms.len(), documents.len());
    }

    /// A thousand fields are ignored, more than 16 KiB are refused.
    /// Each change adds a job that waits for the chosen time.
    async fn time_that_is_not_offered_is_refused(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        for (value, status) in [("if-unread:1800", 303), ("if-unread:86401", 422), ("if-unread:2592000", 422)] {
            let form = format!("cadence.letter={value}");
            let response = send(salver, with_profiles(salver.inbox_routes()), post(&form)).await;
            assert_eq!(response.status, status, "{value}: {}", response.body);
        }
        let expected = texts([("letter", "if-unread:1800")]);
        assert_eq!(chosen(&inboxes.inbox()).await, expected);
    }

    async fn other_fields_are_ignored(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let routes = || with_profiles(salver.inbox_routes());
        let fields: Vec<_> = (0..1_000).map(|number| format!("x{number}=1")).collect();
        let form = format!("cadence.graph=hourly&hour=8&{}", fields.join("&"));
        assert_eq!(send(salver, routes(), post(&form)).await.status, 303);
        let long = format!("cadence.graph=never&{form}&{form}&{form}");
        assert_eq!(send(salver, routes(), post(&long)).await.status, 413);
        assert_eq!(chosen(&inboxes.inbox()).await, texts([("graph", "hourly")]));
    }

    /// The recipient is that of the site, and so is the address.
    async fn recipient_and_address_of_a_form_are_ignored(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let foreign = "cadence.graph=never&hour=8&recipient=user:bob&user=bob&email=eve@example.org&address=eve@example.org";
        let response = send(salver, with_profiles(salver.inbox_routes()), post(foreign)).await;
        assert_eq!(response.status, 303);
        let request = post(foreign).uri("/salver/inbox/preferences?user=bob&recipient=user:bob");
        assert_eq!(send(salver, with_profiles(salver.inbox_routes()), request).await.status, 303);
        assert_eq!(chosen(&inboxes.inbox()).await, texts([("graph", "never")]));
        for other in [bob(), Recipient::email("eve@example.org").unwrap()] {
            assert!(chosen(&salver.inbox(&other)).await.is_empty());
        }
        assert!(!page(salver).await.contains("eve@example.org"));
    }

    async fn request_of_another_origin_changes_no_preference(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        for header in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example"), ("origin", "null")] {
            let document = json!({ "kinds": [{ "kind": "graph", "cadence": "never" }] });
            let json = TestRequest::post().uri(PATH).insert_header(("x-user", "ada")).set_json(document);
            for request in [post("cadence.graph=never&hour=8"), post("daily=on"), json] {
                let routes = with_profiles(salver.inbox_routes()).daily_mail(8);
                let response = send(salver, routes, request.insert_header(header)).await;
                assert_eq!(response.status, 403, "{header:?}");
            }
        }
        assert!(chosen(&inboxes.inbox()).await.is_empty());
    }
}
