//! Programs in other languages that publish by the package `cloudevents` of PyPI and of npm.

use std::sync::{Arc, Mutex};

use salver::Error;
use serde_json::{Value, json};

use super::site::{Broker, TOKEN};
use crate::support::languages::Language;

/// Runs the producer of a language, whose events have all to be accepted.
pub(super) async fn produce_by(language: Language, broker: &Broker) {
    let input = json!({"url": broker.url, "token": TOKEN});
    let program = "tests/broker/producer";
    let statuses = tokio::task::spawn_blocking(move || language.run(program, &input));
    assert_eq!(
        statuses.await.unwrap(),
        json!([202, 202, 202, 202, 202, 202])
    );
}

/// Each event with what a function of a worker gets, in the order of their ids.
async fn received(broker: &Broker, event_type: &str) -> Vec<Value> {
    let received: Arc<Mutex<Vec<Value>>> = Arc::default();
    let list = Arc::clone(&received);
    let worker = broker.salver.worker().on(event_type, move |event| {
        let bytes = event.get_bytes().map(|bytes| bytes.into_owned());
        let seen = json!([
            event.get_id(),
            event.get_subject(),
            event.get_filter("region"),
            event.content_type(),
            bytes
        ]);
        list.lock().unwrap().push(seen);
        async { Ok::<_, Error>(None) }
    });
    worker.drain().await.unwrap();
    let mut received = received.lock().unwrap().clone();
    received.sort_by_key(|event| event[0].to_string());
    received
}

fn expected(language: &str) -> Vec<Value> {
    let id = |name: &str| format!("{language}-{name}");
    let (region, json_type) = ("eu", "application/json");
    let batch = (0..3).map(|number| {
        let data = format!("{{\"number\":{number}}}");
        json!([
            id(&format!("batch-{number}")),
            null,
            region,
            json_type,
            data.as_bytes()
        ])
    });
    let mut all: Vec<_> = batch.collect();
    all.extend([
        json!([id("binary"), "orders/7", region, json_type, b"{\"b\":1}"]),
        json!([
            id("bytes"),
            null,
            region,
            "application/octet-stream",
            [255, 0]
        ]),
        json!([id("empty"), null, region, null, null]),
        json!([
            id("structured"),
            null,
            region,
            json_type,
            "{\"a\":\"ü\",\"b\":1}".as_bytes()
        ]),
        json!([id("text"), null, region, "text/plain", "ü".as_bytes()]),
    ]);
    all
}

#[actix_web::test]
async fn events_of_python_package_arrive_in_all_modes() {
    for broker in Broker::on_both_stores() {
        produce_by(Language::Python, &broker).await;
        let received = received(&broker, "test.python").await;
        assert_eq!(received, expected("python"));
    }
}

#[actix_web::test]
async fn events_of_npm_package_arrive_in_all_modes() {
    for broker in Broker::on_both_stores() {
        produce_by(Language::Node, &broker).await;
        let received = received(&broker, "test.node").await;
        assert_eq!(received, expected("node"));
    }
}
