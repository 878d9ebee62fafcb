//! Many publish one event at the same time, and a person deletes its notification before it is fanned out again: each
//! endpoint gets it once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use salver::events::{Event, Subscription};
use salver::{Error, InboxFilter, Message, Salver};

use super::scene::{LEASE, expected, register_fast, report, verdict};
use crate::faults::events::scene::{notified, person};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{arrived, deliver, order_paid, register, webhook_settings};

const EVENTS: usize = 25;
const PUBLISHERS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_that_many_publish_at_once_is_delivered_once_and_another_of_its_id_is_refused() {
    let (mut total, mut refused) = (Verdict::default(), 0);
    let stores = [Inboxes::memory_with, Inboxes::redis_with];
    for inboxes in stores.map(|store| store(webhook_settings)) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        register_fast(salver, &receiver, "/hook").await;
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|_| inboxes.process(webhook_settings))
            .collect();
        let running = salver.worker().webhooks().start().unwrap();
        let events = by_profile(EVENTS, 20 * EVENTS);
        for number in 0..events {
            let event = || order_paid(&number.to_string());
            let calls = publishers.iter().map(|process| process.publish(event()));
            for published in join_all(calls).await {
                published.unwrap();
            }
            for other in [event().data(8), event().subject("orders/8")] {
                let error = salver.publish(other).await.unwrap_err();
                assert!(error.is_conflict(), "{error:?}");
                refused += 1;
            }
        }
        arrived(&inboxes, &receiver, events).await;
        // Known after its delivery, too.
        for process in &publishers {
            process.publish(order_paid("0")).await.unwrap();
        }
        running.stop().await;
        deliver(salver).await;
        let deliveries = receiver.deliveries();
        assert!(
            deliveries
                .iter()
                .all(|one| one.body.contains(r#""data":7"#))
        );
        let expected = expected(&["/hook".to_owned()], 0..events);
        add_up(&mut total, &verdict(&deliveries, &expected));
    }
    let (again, more) = (
        total.again,
        format!("publishers={PUBLISHERS} refused={refused}"),
    );
    report("webhooks_conflicts", total, Duration::ZERO, more);
    assert_eq!(again, 0, "deliveries that were repeated");
}

/// Publishes an event of a type of its own, and fans it out.
async fn fan_out(salver: &Salver, name: &str) -> Result<(), Error> {
    let event = Event::new(name).id(name).message(Message::info(name));
    salver.publish(event).await?;
    salver.worker().events().drain().await.map(drop)
}

/// Stops the fan-out after each call, and deletes the notification before it is repeated. Returns the names of the
/// events.
async fn delete_before_repeats(
    store: &str,
    inboxes: &Inboxes,
    receiver: &WebhookReceiver,
) -> Vec<String> {
    let (salver, mut names) = (&inboxes.salver, Vec::new());
    let counted = inboxes.process(webhook_settings);
    let mut calls = 0;
    for call in 0.. {
        if call > calls && calls > 0 {
            break;
        }
        let (name, ada) = (format!("{store}-{call}"), person(call));
        salver
            .subscribe(&ada, Subscription::new(&name))
            .await
            .unwrap();
        register(salver, receiver, &format!("/{name}"), |one| {
            one.types([&name])
        })
        .await;
        if call == 0 {
            let from = counted.finished_calls();
            fan_out(&counted, &name).await.unwrap();
            calls = usize::try_from(counted.finished_calls() - from).unwrap();
        } else {
            let stopping = inboxes.process(webhook_settings);
            stopping.stop_after(u64::try_from(call).unwrap());
            tokio::select! {
                biased;
                outcome = fan_out(&stopping, &name) => drop(outcome),
                () = stopping.stopped() => {}
            }
            stopping.stop_after(u64::MAX);
        }
        let before = notified(salver, &ada).await.len();
        let all = InboxFilter::all();
        salver.inbox(&ada).retract(&all).await.unwrap();
        // The lease of the process that has stopped ends.
        inboxes.advance(LEASE);
        for _ in 0..2 {
            fan_out(salver, &name).await.unwrap();
            deliver(salver).await;
        }
        // The receiver verifies the time of a webhook.
        inboxes.rewind(LEASE);
        let after = notified(salver, &ada).await.len();
        assert_eq!(before + after, 1, "{name}: it came back, or there is none");
        names.push(name);
    }
    names
}

#[tokio::test]
async fn webhook_of_an_event_whose_notification_was_deleted_arrives_once() {
    let (receiver, mut names) = (WebhookReceiver::start(), Vec::new());
    let stores = [
        ("memory", Inboxes::memory_with(webhook_settings)),
        ("redis", Inboxes::redis_with_clock_and(webhook_settings)),
    ];
    for (name, inboxes) in &stores {
        names.extend(delete_before_repeats(name, inboxes, &receiver).await);
    }
    let one = |name: &String| (format!("/{name}"), BTreeSet::from([name.clone()]));
    let expected: BTreeMap<_, _> = names.iter().map(one).collect();
    let verdict = verdict(&receiver.deliveries(), &expected);
    let (again, more) = (
        verdict.again,
        format!("calls={}", names.len() - stores.len()),
    );
    report("webhooks_removed", verdict, Duration::ZERO, more);
    assert_eq!(again, 0, "deliveries that were repeated");
}
