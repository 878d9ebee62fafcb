//! What an endpoint or an action says about an event is an event of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use salver::events::Event;
use salver::jobs::DeliveryState;
use salver::webhooks::MAX_RESULT_DEPTH;
use serde_json::json;

use crate::inbox_tests;
use crate::support::eventually;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{arrived, body, deliver, order_paid, register, webhook_settings};

inbox_tests! {
    (webhook_settings)

    /// A worker that is killed must not delay its other jobs for as long as a call may take.
    async fn timeout_of_actions_lengthens_the_lease_of_their_calls_alone(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/hook", |endpoint| endpoint.types(["order.paid"])).await;
        receiver.set_replies("/hook", &[Reply::held("until the end")]);
        let worker = salver.worker().webhooks().action_timeout(Duration::from_secs(600));
        let worker = worker.on("order.paid", |_| std::future::pending::<Result<_, String>>());
        salver.publish(order_paid("1")).await.unwrap();
        let running = worker.start().unwrap();
        let mut leased = eventually("both are attempted", async || {
            let mut leased = salver.deliveries().list(DeliveryState::Leased, None).await.unwrap();
            // The event itself is leased until both are in their queues.
            leased.retain(|delivery| delivery.channel != "events");
            (leased.len() == 2).then_some(leased)
        })
        .await;
        leased.sort_by_key(|delivery| delivery.channel);
        let [action, webhook] = &leased[..] else {
            panic!("{leased:?}");
        };
        assert_eq!((action.channel, webhook.channel), ("action", "webhook"));
        // By default an attempt takes 120 s. The clock stands still.
        assert_eq!(action.time - webhook.time, 480_000);
        drop(running);
    }

    async fn declared_answer_is_published_with_its_cause(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let id = register(salver, &receiver, "/hook", |endpoint| {
            endpoint.types(["order.paid"]).results(["order.checked"])
        })
        .await;
        register(salver, &receiver, "/results", |endpoint| endpoint.types(["order.checked"])).await;
        let answer = json!({
            "specversion": "1.0", "id": "theirs", "source": "/theirs", "type": "order.checked",
            "subject": "orders/7", "data": {"is_valid": true},
        });
        receiver.set_replies("/hook", &[Reply::event(&answer)]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        let [result] = &body(&receiver, "/results")[..] else {
            panic!("{:?}", receiver.requests());
        };
        let delivery = receiver.deliveries().remove(0).id.unwrap();
        assert_eq!(result["id"], delivery.as_str());
        assert_eq!(result["source"], format!("/{}/salver/endpoints/{id}", salver.app()));
        assert_eq!(result["causationid"], "1");
        assert_eq!(result["subject"], "orders/7");
        assert_eq!(result["data"], json!({"is_valid": true}));
    }

    async fn answer_that_is_not_declared_is_not_published(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/all", |endpoint| endpoint).await;
        let hook = |results: &'static [&'static str]| {
            move |endpoint: salver::webhooks::Endpoint| {
                endpoint.types(["order.paid"]).results(results.iter().copied())
            }
        };
        register(salver, &receiver, "/none", hook(&[])).await;
        register(salver, &receiver, "/other", hook(&["other"])).await;
        register(salver, &receiver, "/broken", hook(&["done"])).await;
        register(salver, &receiver, "/accepted", hook(&["done"])).await;
        let answer = json!({"specversion": "1.0", "id": "1", "source": "/", "type": "done"});
        receiver.set_replies("/none", &[Reply::event(&answer)]);
        receiver.set_replies("/other", &[Reply::event(&answer)]);
        receiver.set_replies("/broken", &[Reply::event(&json!({"type": "done"}))]);
        receiver.set_replies("/accepted", &[Reply::event(&answer).with_status(202)]);
        salver.publish(order_paid("1")).await.unwrap();
        deliver(salver).await;
        assert_eq!(body(&receiver, "/all").len(), 1);
        assert_eq!(receiver.deliveries().len(), 5);
    }

    async fn json_answer_is_the_data_of_the_only_declared_type(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/counter", |endpoint| {
            endpoint.types(["counter.increment"]).results(["counter.changed"])
        })
        .await;
        register(salver, &receiver, "/results", |endpoint| endpoint.types(["counter.changed"])).await;
        let reply = Reply::status(200).with_header("Content-Type", "application/json");
        receiver.set_replies("/counter", &[reply.with_body(r#"{"value": 2}"#)]);
        salver.publish(Event::new("counter.increment").data(json!({"by": 2}))).await.unwrap();
        deliver(salver).await;
        let [result] = &body(&receiver, "/results")[..] else {
            panic!("{:?}", receiver.requests());
        };
        assert_eq!(result["data"], json!({"value": 2}));
    }

    async fn endpoints_that_answer_each_other_end(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/echo", |endpoint| endpoint.types(["echo"]).results(["echo"])).await;
        let reply = Reply::status(200).with_header("Content-Type", "application/json");
        receiver.set_replies("/echo", &[reply.with_body("1")]);
        salver.endpoints().list().await.unwrap();
        salver.publish(Event::new("echo").id("first")).await.unwrap();
        let running = salver.worker().webhooks().start().unwrap();
        arrived(&inboxes, &receiver, 1 + MAX_RESULT_DEPTH as usize).await;
        running.stop().await;
        deliver(salver).await;
        assert_eq!(receiver.requests().len(), 1 + MAX_RESULT_DEPTH as usize);
    }

    async fn action_is_called_and_its_result_is_published(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register(salver, &receiver, "/results", |endpoint| endpoint.types(["counter.changed"])).await;
        let count = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&count);
        let worker = salver.worker().webhooks().on("counter.increment", move |event| {
            let counter = Arc::clone(&counter);
            async move {
                let by: u64 = event.get_data()?;
                let value = counter.fetch_add(by, Ordering::Relaxed) + by;
                Ok::<_, salver::Error>(Some(Event::new("counter.changed").data(json!({"value": value}))))
            }
        });
        salver.publish(Event::new("counter.increment").id("1").data(2)).await.unwrap();
        worker.drain().await.unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 2);
        let [result] = &body(&receiver, "/results")[..] else {
            panic!("{:?}", receiver.requests());
        };
        assert_eq!((&result["data"], &result["causationid"]), (&json!({"value": 2}), &json!("1")));
    }

    async fn action_waits_for_a_worker_that_has_it(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        let called = Arc::new(AtomicU64::new(0));
        let with_action = || {
            let called = Arc::clone(&called);
            salver.worker().on("order.paid", move |_| {
                called.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, salver::Error>(None) }
            })
        };
        // From its first start it is registered.
        let running = with_action().start().unwrap();
        eventually("the action is registered", async || {
            let endpoints = salver.endpoints().list().await.unwrap();
            (endpoints.len() == 1 && endpoints[0].id == "action.order.paid").then_some(())
        })
        .await;
        running.stop().await;
        salver.publish(order_paid("1")).await.unwrap();
        salver.worker().events().on("other", |_| async { Ok::<_, salver::Error>(None) }).drain().await.unwrap();
        assert_eq!(called.load(Ordering::Relaxed), 0);
        inboxes.advance(Duration::from_secs(6));
        with_action().drain().await.unwrap();
        assert_eq!(called.load(Ordering::Relaxed), 1);
    }

    async fn functions_of_different_names_are_all_called(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let (sender, mut called) = tokio::sync::mpsc::unbounded_channel();
        let call = |name: &'static str| {
            let sender = sender.clone();
            move |_| {
                let _ = sender.send(name);
                async { Ok::<_, salver::Error>(None) }
            }
        };
        let worker = salver.worker().on("order.paid", call("first")).on("order.paid", call("replaced it"));
        let worker = worker.on_named("audit", "order.paid", call("audit"));
        salver.publish(order_paid("1")).await.unwrap();
        worker.drain().await.unwrap();
        let mut names = [called.try_recv(), called.try_recv()].map(Result::unwrap);
        names.sort_unstable();
        assert_eq!(names, ["audit", "replaced it"]);
        assert!(called.is_empty());
        let invalid = salver.worker().on_named("a:b", "order.paid", call("invalid"));
        assert!(invalid.drain().await.unwrap_err().is_invalid());
    }

    async fn action_that_fails_is_repeated(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        let calls = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&calls);
        let worker = salver.worker().on("order.paid", move |_| {
            let call = counter.fetch_add(1, Ordering::Relaxed);
            async move { if call == 0 { Err("no stock") } else { Ok(None) } }
        });
        salver.publish(order_paid("1")).await.unwrap();
        worker.drain().await.unwrap();
        let waiting = salver.deliveries().list(DeliveryState::Waiting, None).await.unwrap();
        assert_eq!((waiting[0].channel, &*waiting[0].attempts[0].error), ("action", "action: no stock"));
        inboxes.advance(Duration::from_secs(7));
        worker.drain().await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert_eq!(salver.deliveries().counts().await.unwrap().later, 0);
    }
}
