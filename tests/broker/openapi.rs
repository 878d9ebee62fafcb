//! The OpenAPI document of a broker, and what happens without the store.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use salver::Salver;
use salver::store::RedisStore;
use serde_json::{Value, json};

use super::site::{Broker, TOKEN, event, problem};
use crate::support::processes::free_port;
use crate::support::schemathesis::schemathesis;

const DOCUMENT: &str = include_str!("../../src/broker/openapi.json");

/// The document lists each route with its methods, and no others.
#[actix_web::test]
async fn openapi_document_matches_served_routes() {
    let broker = Broker::memory();
    // The document needs no token.
    let document = broker.client.get(format!("{}/openapi.json", broker.url));
    let document: Value = document.send().await.unwrap().json().await.unwrap();
    let methods = |item: &Value| -> BTreeSet<String> {
        let names = item.as_object().unwrap().keys();
        names
            .filter(|name| *name != "parameters")
            .cloned()
            .collect()
    };
    let documented: BTreeMap<_, _> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| (path.as_str(), methods(item)))
        .collect();
    let source = include_str!("../../src/broker/routes.rs");
    let routes: Vec<_> = source
        .split("at(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(routes.len(), documented.len(), "{routes:?} {documented:?}");
    for (path, methods) in &documented {
        assert!(routes.contains(path), "{path}");
        for method in ["get", "post", "put", "patch", "delete"] {
            let name = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let request = broker.request_as(TOKEN, name, &path.replace("{id}", "x"));
            let response = request.send().await.unwrap();
            let is_documented = methods.contains(method);
            assert_eq!(response.status() != 405, is_documented, "{method} {path}");
            if !is_documented {
                let allow = response.headers()["allow"].to_str().unwrap();
                let allowed = allow.to_lowercase();
                let allowed: BTreeSet<_> = allowed.split(", ").map(str::to_owned).collect();
                assert_eq!(&allowed, methods, "{path}");
            }
        }
    }
}

/// With a fixed header Schemathesis cannot leave the token out, so this test does.
#[actix_web::test]
async fn every_route_of_the_document_needs_a_token() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    for broker in Broker::on_both_stores() {
        for (path, item) in document["paths"].as_object().unwrap() {
            let methods = item.as_object().unwrap().iter();
            for (method, operation) in methods.filter(|(name, _)| *name != "parameters") {
                if operation["security"] == json!([]) {
                    continue;
                }
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let url = format!("{}{}", broker.url, path.replace("{id}", "x"));
                let request = broker.client.request(method, url).json(&json!({}));
                problem(request.send().await.unwrap(), 401).await;
            }
        }
    }
}

/// Schemathesis sends valid and invalid requests: each response is one that the document lists.
#[actix_web::test]
async fn schemathesis_finds_no_mismatch() {
    let broker = Broker::memory();
    // No pattern describes a valid URL, an address or the number of extension attributes: some of what matches the
    // document is refused.
    for (name, arguments) in [
        (
            "broker",
            &[
                "--exclude-path-regex",
                "^/(events|endpoints|notifications|messages)$",
                "--checks",
                "all",
                "--exclude-checks",
                "ignored_auth",
            ][..],
        ),
        (
            "broker-bodies",
            &[
                "--include-path-regex",
                "^/(events|endpoints|notifications|messages)$",
                "--exclude-checks",
                "positive_data_acceptance,ignored_auth",
            ],
        ),
    ] {
        let document = format!("{}/openapi.json", broker.url);
        let token = format!("authorization: Bearer {TOKEN}");
        let arguments = [arguments, &["--header", &token]].concat();
        let summary = schemathesis(&document, &broker.url, &arguments).await;
        println!("INTEGRATION schemathesis {name}: {summary}");
    }
}

#[actix_web::test]
async fn unreachable_store_replies_503_with_retry_after() {
    let store = RedisStore::new(&format!("redis://127.0.0.1:{}", free_port())).unwrap();
    let broker = Broker::serve(&Salver::new("app", store).unwrap(), |routes| routes);
    let stored = "AAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for response in [
        broker.publish(&event("1")).await,
        broker.publish(&json!([event("1"), event("2")])).await,
        broker.publish_as(stored, &event("1")).await,
        broker.get("/deliveries").send().await.unwrap(),
    ] {
        assert!(response.headers().contains_key("retry-after"));
        let problem = problem(response, 503).await;
        assert_eq!(problem.get("detail"), None, "internal details: {problem}");
    }
}
