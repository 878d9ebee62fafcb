//! Validators, which may refuse an event before it is accepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use salver::Salver;
use salver::broker::BrokerRoutes;
use salver::events::Event;
use salver::jobs::DeliveryState;
use serde_json::{Value, json};

use super::site::{Broker, event, problem};
use crate::support::redis::Server;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{register, webhook_settings};

fn order(id: &str, total: u64) -> Value {
    let mut order = event(id);
    order["data"]["total"] = json!(total);
    order
}

async fn is_small(event: Event) -> Result<(), String> {
    let order: Value = event.get_data().map_err(|error| error.to_string())?;
    match order["total"].as_u64() < Some(10) {
        true => Ok(()),
        false => Err("the total has to be below 10".to_owned()),
    }
}

fn validated(routes: BrokerRoutes) -> BrokerRoutes {
    routes.validate("order.created", is_small)
}

#[actix_web::test]
async fn refused_event_gets_the_text_of_its_validator_and_is_not_stored() {
    let server = Server::start();
    let memory = Broker::serve(&Salver::memory("app").unwrap(), validated);
    for broker in [memory, Broker::on(&server, validated)] {
        let refused = problem(broker.publish(&order("1", 10)).await, 422).await;
        assert_eq!(refused["detail"], "the total has to be below 10");
        let batch = json!([order("1", 9), order("2", 10)]);
        let refused = problem(broker.publish(&batch).await, 422).await;
        assert_eq!(refused["index"], 1);
        assert_eq!(broker.waiting().await, 0);

        let mut other = order("3", 10);
        other["type"] = json!("order.created.later");
        let batch = json!([order("1", 9), other]);
        assert_eq!(broker.publish(&batch).await.status(), 202);
        assert_eq!(broker.waiting().await, 2);
    }
}

#[actix_web::test]
async fn known_event_is_not_validated_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let once = move |routes: BrokerRoutes| {
        let count = Arc::clone(&count);
        routes.validate("order.created", move |_| {
            let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                is_first
                    .then_some(())
                    .ok_or_else(|| "asked again".to_owned())
            }
        })
    };
    let server = Server::start();
    let memory = Broker::serve(&Salver::memory("app").unwrap(), once.clone());
    for broker in [memory, Broker::on(&server, once)] {
        asked.store(0, Ordering::Relaxed);
        for _ in 0..3 {
            assert_eq!(broker.publish(&order("1", 1)).await.status(), 202);
        }
        problem(broker.publish(&order("1", 2)).await, 409).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        problem(broker.publish(&order("2", 1)).await, 422).await;
    }
}

/// One never answers, the other panics.
#[actix_web::test]
async fn validator_that_does_not_answer_refuses_unless_set_to_accept() {
    let silent = |routes: BrokerRoutes| {
        routes
            .validate("order.created", |_| std::future::pending())
            .validate("order.paid", |_| async { panic!("a validator") })
    };
    let accepting = move |routes| silent(routes).accept_on_timeout();
    let mut paid = event("2");
    paid["type"] = json!("order.paid");
    let broker = Broker::serve(&Salver::memory("app").unwrap(), silent);
    for event in [&event("1"), &paid] {
        let refused = broker.publish(event).await;
        assert!(refused.headers().contains_key("retry-after"));
        problem(refused, 503).await;
    }
    assert_eq!(broker.waiting().await, 0);
    let broker = Broker::serve(&Salver::memory("app").unwrap(), accepting);
    for event in [&event("1"), &paid] {
        assert_eq!(broker.publish(event).await.status(), 202);
    }
    assert_eq!(broker.waiting().await, 2);
}

#[actix_web::test]
async fn fifth_validator_is_a_misconfiguration() {
    let validators = |count: usize| {
        move |routes: BrokerRoutes| {
            (0..count).fold(routes, |routes, _| {
                routes.validate("order.created", is_small)
            })
        }
    };
    let salver = Salver::memory("app").unwrap();
    let broker = Broker::serve(&salver, validators(4));
    assert_eq!(broker.publish(&order("1", 1)).await.status(), 202);
    let broker = Broker::serve(&salver, validators(5));
    problem(broker.publish(&order("2", 1)).await, 500).await;
}

/// Replies with the data of a result.
fn total(total: u64) -> Reply {
    let reply = Reply::status(200).with_header("Content-Type", "application/json");
    reply.with_body(json!({ "total": total }).to_string())
}

async fn with_results(salver: &Salver) -> WebhookReceiver {
    let receiver = WebhookReceiver::start();
    register(salver, &receiver, "/hook", |endpoint| {
        endpoint.types(["order.created"]).results(["order.checked"])
    })
    .await;
    register(salver, &receiver, "/results", |endpoint| {
        endpoint.types(["order.checked"])
    })
    .await;
    receiver
}

#[actix_web::test]
async fn result_that_a_validator_of_routes_or_worker_refuses_is_not_published() {
    let salver = webhook_settings(Salver::builder("app")).build().unwrap();
    let broker = Broker::serve(&salver, |routes| routes.validate("order.checked", is_small));
    let receiver = with_results(&salver).await;
    let worker = salver.worker().webhooks();
    let worker = worker.validate("order.checked", |event| async move {
        let data: Value = event.get_data().map_err(|error| error.to_string())?;
        match data["total"] == 5 {
            true => Err("refused by the worker".to_owned()),
            false => Ok(()),
        }
    });
    receiver.set_replies("/hook", &[total(10), total(5), total(3)]);
    for id in ["1", "2", "3"] {
        assert_eq!(broker.publish(&event(id)).await.status(), 202);
        worker.drain().await.unwrap();
    }
    let results = receiver.deliveries().into_iter();
    let results = results.filter(|one| one.path == "/results");
    let results: Vec<Value> = results
        .map(|one| serde_json::from_str(&one.body).unwrap())
        .collect();
    assert_eq!(results.len(), 1, "{results:?}");
    assert_eq!(results[0]["data"]["total"], 3);
    assert_eq!(broker.waiting().await, 0);
}

#[actix_web::test]
async fn result_whose_validator_does_not_answer_is_a_failed_attempt() {
    let salver = webhook_settings(Salver::builder("app")).build().unwrap();
    let receiver = with_results(&salver).await;
    receiver.set_replies("/hook", &[total(3)]);
    let worker = salver.worker().webhooks();
    let worker = worker.validate("order.checked", |_| async { panic!("a validator") });
    salver.publish(Event::new("order.created")).await.unwrap();
    worker.drain().await.unwrap();
    let deliveries = salver.deliveries();
    let waiting = deliveries.list(DeliveryState::Waiting, None).await;
    let error = &waiting.unwrap()[0].attempts[0].error;
    assert_eq!(error, "a validator of the result has not answered");
    assert_eq!(receiver.deliveries().len(), 1);
    let checks = ["1", "2", "3", "4", "5"];
    let five = checks.iter().fold(salver.worker().webhooks(), |worker, _| {
        worker.validate("order.checked", |_| async { Ok(()) })
    });
    assert!(five.drain().await.unwrap_err().is_misconfigured());
}

#[actix_web::test]
async fn source_of_results_is_refused_from_publishers() {
    let broker = Broker::memory();
    for source in [
        "/app/salver/endpoints/1",
        "/app/salver/actions",
        "/app/salver/",
    ] {
        let mut forged = event("1");
        forged["source"] = json!(source);
        problem(broker.publish(&forged).await, 403).await;
    }
    let mut own = event("1");
    own["source"] = json!("/app/salver");
    assert_eq!(broker.publish(&own).await.status(), 202);
}
