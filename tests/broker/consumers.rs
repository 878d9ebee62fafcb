//! Programs in other languages that read webhooks by the package `cloudevents` of PyPI and of npm. Those packages have also
//! published the events, in all modes.

use salver::webhooks::Endpoint;
use serde_json::{Value, json};

use super::producers::produce_by;
use super::site::Broker;
use crate::support::inboxes::Inboxes;
use crate::support::languages::Language;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{arrived, webhook_settings};

/// Each event as a consumer has to read it, in the order of their ids.
fn expected(name: &str) -> Vec<Value> {
    let event = |id: &str, subject: Option<&str>, media_type: Option<&str>, data: Value| {
        let (id, source) = (format!("{name}-{id}"), format!("/{name}"));
        json!([
            id,
            source,
            format!("test.{name}"),
            subject,
            "eu",
            media_type,
            data
        ])
    };
    let value = |value: Value| json!({ "value": value });
    let json_type = Some("application/json");
    let batch = (0..3).map(|number| {
        let data = value(json!({ "number": number }));
        event(&format!("batch-{number}"), None, json_type, data)
    });
    let bytes = json!({"bytes": [255, 0]});
    let structured = value(json!({"a": "ü", "b": 1}));
    batch
        .chain([
            event(
                "binary",
                Some("orders/7"),
                json_type,
                value(json!({"b": 1})),
            ),
            event("bytes", None, Some("application/octet-stream"), bytes),
            event("empty", None, None, value(Value::Null)),
            event("structured", None, json_type, structured),
            event("text", None, Some("text/plain"), value(json!("ü"))),
        ])
        .collect()
}

#[actix_web::test]
async fn webhooks_are_read_by_python_and_npm_packages() {
    for inboxes in [
        Inboxes::memory_with(webhook_settings),
        Inboxes::redis_with(webhook_settings),
    ] {
        let broker = Broker::serve(&inboxes.salver, |routes| routes);
        for (producer, name) in [(Language::Python, "python"), (Language::Node, "node")] {
            let receiver = WebhookReceiver::start();
            let url = receiver.url("/hook");
            let endpoint = Endpoint::new(&url).types([format!("test.{name}")]);
            let (_, secret) = broker.salver.endpoints().add(endpoint).await.unwrap();
            receiver.set_secrets("/hook", &[&secret]);
            produce_by(producer, &broker).await;
            let worker = broker.salver.worker().webhooks().start().unwrap();
            let deliveries = arrived(&inboxes, &receiver, 8).await.into_iter();
            worker.stop().await;
            let requests: Vec<_> = deliveries
                .map(|one| json!({"headers": one.headers, "body": one.body}))
                .collect();
            for consumer in Language::ALL {
                let read = consumer.run("tests/broker/consumer", &json!(requests));
                let mut read = read.as_array().unwrap().clone();
                read.sort_by_key(|event| event[0].to_string());
                assert_eq!(read, expected(name), "{producer:?} to {consumer:?}");
            }
        }
    }
}
