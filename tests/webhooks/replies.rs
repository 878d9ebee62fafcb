//! Replies of endpoints with results: in the binary mode, broken, of no use, or while no result can be published.

use std::time::Duration;

use salver::jobs::DeliveryState;
use serde_json::json;

use crate::inbox_tests;
use crate::support::inboxes::Inboxes;
use crate::support::logs::Logs;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{body, deliver, order_paid, register, webhook_settings};

/// Replies with an event in the binary mode.
fn binary(event_type: &str) -> Reply {
    let reply = Reply::status(200).with_header("Content-Type", "application/json");
    let reply = reply
        .with_header("ce-specversion", "1.0")
        .with_header("ce-id", "1");
    let reply = reply
        .with_header("ce-source", "/theirs")
        .with_header("ce-type", event_type);
    let reply = reply.with_header("ce-subject", "orders/%C3%A4");
    reply.with_body(r#"{"is_valid": true}"#)
}

inbox_tests! {
    (webhook_settings)

    async fn answer_that_breaks_in_its_body_is_repeated_with_the_same_id(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| {
            endpoint.types(["order.paid"]).results(["order.checked"])
        })
        .await;
        register(salver, &receiver, "/results", |endpoint| endpoint.types(["order.checked"])).await;
        let answer = json!({
            "specversion": "1.0", "id": "1", "source": "/theirs", "type": "order.checked", "data": "x".repeat(9_000),
        });
        let answer = Reply::event(&answer);
        receiver.set_replies("/hook", &[answer.clone().broken(), answer]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        let waiting = salver.deliveries().list(DeliveryState::Waiting, None).await.unwrap();
        assert_eq!(waiting[0].attempts[0].error, "the connection ended within the response");
        assert!(body(&receiver, "/results").is_empty());
        inboxes.advance(Duration::from_secs(7));
        deliver(salver).await;
        let deliveries = receiver.deliveries();
        let ids: Vec<_> = deliveries.iter().filter(|one| one.path == "/hook").map(|one| &one.id).collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(ids[0], ids[1]);
        assert_eq!(body(&receiver, "/results").len(), 1);
    }

    async fn answer_in_binary_mode_is_published_by_its_own_type(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| {
            endpoint.types(["order.paid"]).results(["order.checked"])
        })
        .await;
        register(salver, &receiver, "/results", |endpoint| endpoint.types(["order.checked"])).await;
        receiver.set_replies("/hook", &[binary("order.lost"), binary("order.checked")]);
        for id in ["1", "2"] {
            salver.publish(order_paid(id)).await.unwrap();
            deliver(salver).await;
        }
        let [result] = &body(&receiver, "/results")[..] else {
            panic!("{:?}", receiver.requests());
        };
        let expected = (&json!("2"), &json!("orders/ä"), &json!({"is_valid": true}));
        assert_eq!((&result["causationid"], &result["subject"], &result["data"]), expected);
    }

    async fn answer_that_is_no_result_is_logged_without_its_body(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let hook = |results: &'static [&'static str]| {
            move |endpoint: salver::webhooks::Endpoint| {
                endpoint.types(["order.paid"]).results(results.iter().copied())
            }
        };
        let json = |status| Reply::status(status).with_header("Content-Type", "application/json");
        let other = json!({"specversion": "1.0", "id": "1", "source": "/", "type": "other", "data": "secret"});
        let mut expected = Vec::new();
        for (path, results, reply, reason) in [
            ("/structured", &["done"][..], Reply::event(&other), "the type other is not declared"),
            ("/binary", &["done"][..], binary("other"), "the type other is not declared"),
            ("/broken", &["done"][..], Reply::event(&json!({"data": "secret"})), "specversion"),
            ("/text", &["done"][..], Reply::status(200).with_body("secret"), "neither that of an event nor"),
            ("/json", &["done"][..], json(201).with_body("{secret"), "is not JSON"),
            ("/several", &["done", "failed"][..], json(200).with_body("\"secret\""), "more than one type"),
        ] {
            let id = register(salver, &receiver, path, hook(results)).await;
            receiver.set_replies(path, &[reply]);
            expected.push((id, reason));
        }
        // Without a result: nothing is logged.
        register(salver, &receiver, "/none", hook(&["done"])).await;
        receiver.set_replies("/none", &[Reply::status(200)]);
        let logs = Logs::start();
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        let text = logs.text();
        for (id, reason) in &expected {
            let lines: Vec<_> = text.lines().filter(|line| line.contains(id)).collect();
            assert!(lines.len() == 1 && lines[0].contains(reason), "{reason}: {lines:?}");
        }
        assert_eq!(text.lines().count(), expected.len(), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(receiver.deliveries().len(), 7);
        let counts = salver.deliveries().counts().await.unwrap();
        assert_eq!((counts.due, counts.later, counts.dead), (0, 0, 0));
    }
}

/// The memory store would take minutes to be filled.
#[tokio::test]
async fn result_that_finds_a_full_queue_is_no_failure_and_is_published_later() {
    let inboxes = Inboxes::redis_with_clock_and(webhook_settings);
    let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
    register(salver, &receiver, "/hook", |endpoint| {
        endpoint.types(["order.paid"]).results(["order.checked"])
    })
    .await;
    register(salver, &receiver, "/results", |endpoint| {
        endpoint.types(["order.checked"])
    })
    .await;
    receiver.set_replies("/hook", &[Reply::held("first")]);
    salver.publish(order_paid("1")).await.unwrap();
    let fill = async {
        receiver.wait_for(1).await;
        let script = "for id = 1, 100000 do redis.call('ZADD', KEYS[1], 1, id) end return 1";
        let server = inboxes.server.as_ref().unwrap();
        let key = b"app!due.events:{0}";
        assert_eq!(
            server.run::<usize>(&[b"EVAL", script.as_bytes(), b"1", key]),
            1
        );
        let answer =
            json!({"specversion": "1.0", "id": "1", "source": "/", "type": "order.checked"});
        receiver.release("/hook", "first", Reply::event(&answer));
    };
    tokio::join!(deliver(salver), fill);
    let deliveries = salver.deliveries();
    let waiting = deliveries.list(DeliveryState::Waiting, None).await;
    let [waiting] = &waiting.unwrap()[..] else {
        panic!("not one delivery");
    };
    assert!(waiting.attempts.is_empty(), "{waiting:?}");
    assert!(body(&receiver, "/results").is_empty());
    let server = inboxes.server.as_ref().unwrap();
    assert_eq!(server.run::<usize>(&[b"DEL", b"app!due.events:{0}"]), 1);
    inboxes.advance(Duration::from_secs(31));
    deliver(salver).await;
    assert_eq!(body(&receiver, "/hook").len(), 2);
    assert_eq!(body(&receiver, "/results").len(), 1);
}
