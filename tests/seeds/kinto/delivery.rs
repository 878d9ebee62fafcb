//! Events go out to those who have registered, and their answers come back.

use std::time::{Duration, SystemTime};

use salver::Error;
use salver::events::Event;
use serde_json::json;

use super::{Broker, arrived, counter, increment};
use crate::seeds::{on_each_store, print_row};
use crate::support::eventually;
use crate::support::inboxes::Inboxes;
use crate::support::processes::scratch;
use crate::support::program_worker::{program, start_programs};
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{deliver, webhook_settings};

fn stores() -> [Inboxes; 2] {
    [
        Inboxes::memory_with(webhook_settings),
        Inboxes::redis_with_clock_and(webhook_settings),
    ]
}

#[actix_web::test]
async fn k04_subscriber_registers_itself_by_its_endpoint() {
    for inboxes in stores() {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let broker = Broker::serve(salver, |routes| routes);
        // It has to consent.
        let url = json!({"url": receiver.url("/hook"), "handshake": true});
        let refused = broker.post("/endpoints", "application/json", &url).await;
        assert_eq!(refused.status(), 422);
        broker.register(&receiver, "/hook", &json!({})).await;
        broker.publish(&increment("1", 2)).await;
        deliver(salver).await;
        assert_eq!(arrived(&receiver, "/hook"), [json!({"by": 2})]);
    }
    print_row("k04_subscriber_registers_itself_by_its_endpoint", "ok");
}

#[actix_web::test]
async fn k05_each_subscriber_is_notified_by_another_process() {
    for inboxes in stores() {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let broker = Broker::serve(salver, |routes| routes);
        for path in ["/a", "/b", "/c"] {
            broker.register(&receiver, path, &json!({})).await;
        }
        assert_eq!(broker.publish(&increment("1", 2)).await, 202);
        assert!(receiver.deliveries().is_empty());
        deliver(&inboxes.process(webhook_settings)).await;
        for path in ["/a", "/b", "/c"] {
            assert_eq!(arrived(&receiver, path), [json!({"by": 2})]);
        }
    }
    print_row("k05_each_subscriber_is_notified_by_another_process", "ok");
}

#[actix_web::test]
async fn k06_result_of_an_action_is_a_new_event() {
    for inboxes in stores() {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let broker = Broker::serve(salver, |routes| routes);
        let types = json!({"types": ["counter.increment"], "results": ["counter.doubled"]});
        broker.register(&receiver, "/double", &types).await;
        broker
            .register(
                &receiver,
                "/results",
                &json!({"types": ["counter.doubled"]}),
            )
            .await;
        let reply = Reply::status(200).with_header("Content-Type", "application/json");
        receiver.set_replies("/double", &[reply.with_body(r#"{"value": 4}"#)]);
        broker.publish(&increment("1", 2)).await;
        deliver(salver).await;
        assert_eq!(arrived(&receiver, "/results"), [json!({"value": 4})]);
    }
    print_row("k06_result_of_an_action_is_a_new_event", "ok");
}

#[actix_web::test]
async fn k07_event_triggers_a_webhook_a_function_and_a_program() {
    let inboxes = Inboxes::redis_with(webhook_settings);
    let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
    let broker = Broker::serve(salver, |routes| routes);
    let types = |name: &str, results: &[&str]| json!({"types": [name], "results": results});
    let counters = types("counter.increment", &["counter.changed"]);
    broker.register(&receiver, "/counter", &counters).await;
    let reply = Reply::status(200).with_header("Content-Type", "application/json");
    let reply = reply.with_body(r#"{"by": "webhook"}"#);
    receiver.set_replies("/counter", &[reply]);
    let changes = types("counter.changed", &[]);
    broker.register(&receiver, "/changes", &changes).await;
    let program = program(
        &scratch("programs"),
        "counter",
        r#"#!/usr/bin/env python3
import json, sys
event = json.load(sys.stdin)
assert event["data"] == {"by": 2}, event
result = {"specversion": "1.0", "id": "1", "source": "/counter", "type": "counter.changed"}
print(json.dumps({**result, "data": {"by": "program"}}))
"#,
    );
    let redis = inboxes.server.as_ref().unwrap().url();
    let programs = [("counter.increment", &*program)];
    let _programs = start_programs(salver, &redis, &programs, &[]).await;
    let functions = salver.worker().webhooks();
    let functions = functions.on("counter.increment", |_| async {
        let result = Event::new("counter.changed").data(json!({"by": "function"}));
        Ok::<_, Error>(Some(result))
    });
    let functions = functions.start().unwrap();
    eventually("the function is registered", async || {
        let known = salver.endpoints().list().await.unwrap();
        let mut ids = known.iter().map(|endpoint| &*endpoint.id);
        ids.any(|id| id == "action.counter.increment").then_some(())
    })
    .await;
    broker.publish(&increment("1", 2)).await;
    receiver.wait_for(4).await;
    functions.stop().await;
    let mut changes = arrived(&receiver, "/changes");
    changes.sort_by_key(ToString::to_string);
    let by = |name: &str| json!({"by": name});
    assert_eq!(changes, [by("function"), by("program"), by("webhook")]);
    print_row(
        "k07_event_triggers_a_webhook_a_function_and_a_program",
        "ok",
    );
}

#[actix_web::test]
async fn k11_subscriber_names_type_and_resource() {
    for inboxes in stores() {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let broker = Broker::serve(salver, |routes| routes);
        let one = json!({"types": ["counter.increment"], "subject": "counters/1"});
        broker.register(&receiver, "/one", &one).await;
        let other = json!({"types": ["counter.increment"], "subject": "counters/2"});
        broker.register(&receiver, "/other", &other).await;
        broker
            .register(&receiver, "/type", &json!({"types": ["order.paid"]}))
            .await;
        broker.publish(&increment("1", 2)).await;
        deliver(salver).await;
        let notified = ["/one", "/other", "/type"].map(|path| arrived(&receiver, path).len());
        assert_eq!(notified, [1, 0, 0]);
    }
    print_row("k11_subscriber_names_type_and_resource", "ok");
}

#[actix_web::test]
async fn k12_failed_delivery_is_retried_then_dead_and_replayed() {
    for inboxes in stores() {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let broker = Broker::serve(salver, |routes| routes);
        let id = broker.register(&receiver, "/hook", &json!({})).await;
        receiver.set_replies("/hook", &[Reply::status(500)]);
        broker.publish(&increment("1", 2)).await;
        for _ in 0..9 {
            deliver(salver).await;
            inboxes.advance(Duration::from_secs(61 * 60 * 60));
        }
        assert_eq!(salver.deliveries().counts().await.unwrap().dead, 1);
        // The receiver verifies the time of a webhook.
        inboxes.rewind(Duration::from_secs(9 * 61 * 60 * 60));
        receiver.set_replies("/hook", &[Reply::status(200)]);
        salver.endpoints().enable(&id).await.unwrap();
        let replayed = salver
            .deliveries()
            .replay(&id, SystemTime::UNIX_EPOCH)
            .await;
        assert_eq!(replayed.unwrap(), 1);
        let before = receiver.deliveries().len();
        deliver(salver).await;
        assert_eq!(receiver.deliveries().len(), before + 1);
        assert_eq!(salver.deliveries().counts().await.unwrap().dead, 0);
    }
    print_row(
        "k12_failed_delivery_is_retried_then_dead_and_replayed",
        "ok",
    );
}

#[actix_web::test]
async fn k13_consumer_is_its_own_broker() {
    // No program but the application: its routes, its worker, its store.
    on_each_store("k13_consumer_is_its_own_broker", async |inboxes| {
        let salver = &inboxes.salver;
        let broker = Broker::serve(salver, |routes| routes);
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let worker = counter(salver).on("counter.changed", move |event| {
            let _ = sender.send(event.get_data::<serde_json::Value>());
            async { Ok::<_, Error>(None) }
        });
        broker.publish(&increment("1", 2)).await;
        worker.drain().await.unwrap();
        assert_eq!(receiver.recv().await.unwrap().unwrap(), json!({"value": 2}));
    })
    .await;
}
