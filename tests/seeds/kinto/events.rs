//! Events come in over HTTP.

use serde_json::{Value, json};

use super::{Broker, arrived, increment};
use crate::seeds::print_row;
use crate::support::inboxes::Inboxes;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{deliver, webhook_settings};

fn stores() -> [Inboxes; 2] {
    [
        Inboxes::memory_with(webhook_settings),
        Inboxes::redis_with(webhook_settings),
    ]
}

#[actix_web::test]
async fn k01_event_is_acknowledged_when_it_is_safe() {
    for mut inboxes in stores() {
        let broker = Broker::serve(&inboxes.salver, |routes| routes);
        assert_eq!(broker.publish(&increment("1", 2)).await, 202);
        assert_eq!(inboxes.salver.deliveries().counts().await.unwrap().due, 1);
        // An error is an answer.
        if let Some(server) = &mut inboxes.server {
            server.kill();
            assert_eq!(broker.publish(&increment("2", 2)).await, 503);
        }
    }
    print_row("k01_event_is_acknowledged_when_it_is_safe", "ok");
}

#[actix_web::test]
async fn k02_validator_refuses_and_subscribers_hear_what_was_accepted() {
    for inboxes in stores() {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let broker = Broker::serve(salver, |routes| {
            routes.validate("counter.increment", |event| async move {
                let data: Value = event.get_data().map_err(|error| error.to_string())?;
                match data["by"].is_u64() {
                    true => Ok(()),
                    false => Err("by has to be a number".to_owned()),
                }
            })
        });
        broker.register(&receiver, "/hook", &json!({})).await;
        let mut refused = increment("1", 0);
        refused["data"]["by"] = "two".into();
        assert_eq!(broker.publish(&refused).await, 422);
        assert_eq!(broker.publish(&increment("2", 2)).await, 202);
        deliver(salver).await;
        assert_eq!(arrived(&receiver, "/hook"), [json!({"by": 2})]);
    }
    print_row(
        "k02_validator_refuses_and_subscribers_hear_what_was_accepted",
        "ok",
    );
}

#[actix_web::test]
async fn k03_payload_is_a_cloud_event() {
    for inboxes in stores() {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let broker = Broker::serve(salver, |routes| routes);
        broker.register(&receiver, "/hook", &json!({})).await;
        let mut without_source = increment("1", 1);
        without_source.as_object_mut().unwrap().remove("source");
        assert_eq!(broker.publish(&without_source).await, 422);
        let event = increment("2", 2);
        assert_eq!(broker.publish(&event).await, 202);
        deliver(salver).await;
        let delivery = receiver.deliveries().remove(0);
        let delivered: Value = serde_json::from_str(&delivery.body).unwrap();
        for (name, value) in event.as_object().unwrap() {
            assert_eq!(delivered[name], *value, "{name}");
        }
    }
    print_row("k03_payload_is_a_cloud_event", "ok");
}
