//! Deliveries and endpoints, for an operator.

use std::collections::BTreeSet;

use reqwest::{Method, Response};
use salver::broker::{Right, Token};
use salver::events::{EventType, Subscription};
use salver::{Message, Recipient, Salver};
use serde_json::{Value, json};

use super::site::{Broker, TOKEN, event, problem};
use crate::support::processes::free_port;

const OTHER: EventType = EventType::new("order.paid", &[]);

async fn list(broker: &Broker, query: &str) -> Value {
    let response = broker.get(&format!("/deliveries{query}")).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store, private");
    response.json().await.unwrap()
}

#[actix_web::test]
async fn all_deliveries_are_listed_by_pages() {
    for broker in Broker::on_both_stores() {
        for first in [0, 100, 200] {
            let batch = (first..first + 100).map(|id| event(&id.to_string()));
            let batch = Value::Array(batch.collect());
            assert_eq!(broker.publish(&batch).await.status(), 202);
        }
        let (mut ids, mut query, mut pages) = (BTreeSet::new(), String::new(), 0);
        loop {
            let page = list(&broker, &query).await;
            let deliveries = page["deliveries"].as_array().unwrap();
            assert!(
                deliveries
                    .iter()
                    .all(|one| one["channel"] == "events" && one["state"] == "waiting")
            );
            ids.extend(
                deliveries
                    .iter()
                    .map(|one| one["id"].as_str().unwrap().to_owned()),
            );
            pages += 1;
            let Some(next) = page["next"].as_str() else {
                break;
            };
            query = format!("?state=waiting&after={next}");
        }
        assert_eq!((ids.len(), pages), (300, 4));
        assert_eq!(list(&broker, "?state=dead").await["deliveries"], json!([]));
    }
}

#[actix_web::test]
async fn delivery_is_retried_and_cancelled_by_its_id() {
    for broker in Broker::on_both_stores() {
        // An event that a person has subscribed to is dead at once without a renderer and without a message.
        let subscription = Subscription::new("order.created");
        let ada = Recipient::user(7);
        broker.salver.subscribe(&ada, subscription).await.unwrap();
        assert_eq!(broker.publish(&event("1")).await.status(), 202);
        let worker = broker.salver.worker();
        let worker = worker.render(&OTHER, |_, _| async { Ok(Message::info("x")) });
        worker.drain().await.unwrap();
        let dead = list(&broker, "?state=dead").await;
        let dead = &dead["deliveries"][0];
        assert_eq!(dead["attempts"].as_array().unwrap().len(), 1);
        let id = dead["id"].as_str().unwrap();
        let change = async |action: &str| -> Response {
            let path = format!("/deliveries/{id}/{action}");
            broker.post(&path).send().await.unwrap()
        };
        assert_eq!(change("retry").await.status(), 204);
        assert_eq!(broker.waiting().await, 1);
        assert_eq!(change("cancel").await.status(), 204);
        assert_eq!(broker.waiting().await, 0);
        problem(change("cancel").await, 404).await;
        problem(change("retry").await, 404).await;
        let wrong = broker.post("/deliveries/1/retry").send().await.unwrap();
        assert_eq!(problem(wrong, 422).await["field"], "id");
    }
}

#[actix_web::test]
async fn wrong_place_or_state_of_a_list_is_refused() {
    let broker = Broker::memory();
    for (query, field) in [
        ("?state=done", "state"),
        ("?after=x", "after"),
        ("?after=x.1.AAAAAAAAAAAAAAAAAAAAAA", "after"),
        ("?after=events.x.AAAAAAAAAAAAAAAAAAAAAA", "after"),
        ("?after=events.1.A", "id"),
    ] {
        let response = broker.get(&format!("/deliveries{query}")).send().await;
        let problem = problem(response.unwrap(), 422).await;
        assert_eq!(problem["field"], field, "{query}");
    }
}

#[actix_web::test]
async fn endpoint_is_registered_changed_and_removed() {
    for broker in Broker::on_both_stores() {
        let body = json!({"url": "https://shop.example/hook?secret=1", "types": ["order.created"], "subject": "orders/7", "results": ["order.seen"], "rate": 60});
        let added = broker.post("/endpoints").json(&body).send().await.unwrap();
        assert_eq!(added.status(), 201);
        assert_eq!(added.headers()["cache-control"], "no-store, private");
        let added: Value = added.json().await.unwrap();
        let (id, secret) = (added["id"].as_str().unwrap(), &added["secret"]);
        assert!(secret.as_str().unwrap().starts_with("whsec_"));
        let listed = async || -> Value {
            let response = broker.get("/endpoints").send().await.unwrap();
            let mut endpoints: Value = response.json().await.unwrap();
            endpoints["endpoints"].take()
        };
        let one = listed().await[0].take();
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&one[name], value, "{name}");
        }
        assert_eq!((&one["id"], &one["state"]), (&json!(id), &json!("enabled")));
        assert_eq!(one.get("secret"), None);

        let change = async |method: Method, action: &str| {
            let path = format!("/endpoints/{id}{action}");
            let request = broker.request_as(TOKEN, method, &path);
            request.send().await.unwrap()
        };
        let rotated = change(Method::POST, "/rotate").await;
        assert_eq!(rotated.status(), 200);
        assert_ne!(&rotated.json::<Value>().await.unwrap()["secret"], secret);
        assert_eq!(change(Method::POST, "/disable").await.status(), 204);
        assert_eq!(listed().await[0]["state"], "disabled");
        assert_eq!(change(Method::POST, "/enable").await.status(), 204);
        assert_eq!(listed().await[0]["state"], "enabled");
        let replay = broker.post(&format!("/endpoints/{id}/replay"));
        let replay = replay.json(&json!({"since": 0})).send().await.unwrap();
        assert_eq!(
            replay.json::<Value>().await.unwrap(),
            json!({"replayed": 0})
        );
        assert_eq!(change(Method::DELETE, "").await.status(), 204);
        assert_eq!(listed().await, json!([]));
        problem(change(Method::DELETE, "").await, 404).await;
        for action in ["/rotate", "/enable", "/disable"] {
            problem(change(Method::POST, action).await, 404).await;
        }
        let replay = broker.post(&format!("/endpoints/{id}/replay"));
        let replay = replay.json(&json!({"since": 0})).send().await.unwrap();
        problem(replay, 404).await;
    }
}

/// A program outside must not make the broker call its own network.
#[actix_web::test]
async fn endpoint_that_is_not_public_is_refused() {
    let builder = Salver::builder("app").secret([7; 32]);
    let broker = Broker::serve(&builder.build().unwrap(), |routes| routes);
    for url in [
        "http://shop.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "shop.example",
        "",
    ] {
        let body = json!({ "url": url });
        let response = broker.post("/endpoints").json(&body).send().await.unwrap();
        let problem = problem(response, 422).await;
        assert_eq!(problem["field"], "url", "{url}");
    }
    let endpoints = broker.salver.endpoints().list().await.unwrap();
    assert!(endpoints.is_empty());
}

/// The operator knows the endpoint. A program that registers a URL may not own it.
#[actix_web::test]
async fn token_of_a_program_registers_only_what_consents() {
    let builder = Salver::builder("app").secret([7; 32]);
    let builder = builder
        .allow_http_endpoints()
        .allow_endpoint_networks(["127.0.0.0/8"]);
    let broker = Broker::serve(&builder.build().unwrap(), |routes| routes);
    let token = Token::new([Right::Endpoints]);
    let token = broker.salver.tokens().create(token).await.unwrap();
    let body = json!({"url": format!("http://127.0.0.1:{}/", free_port())});
    let add = async |token: &str| {
        let request = broker.request_as(token, Method::POST, "/endpoints");
        request.json(&body).send().await.unwrap()
    };
    assert_eq!(problem(add(&token).await, 422).await["field"], "url");
    assert_eq!(add(TOKEN).await.status(), 201);
    let endpoints = broker.salver.endpoints().list().await.unwrap();
    assert_eq!(endpoints.len(), 1);
}
