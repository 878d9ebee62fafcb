//! A process that stops after any call to the store loses no webhook and no result, and another one sends at most the same
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use salver::events::Event;
use salver::webhooks::Endpoint;
use salver::{Error, Salver};
use serde_json::json;

use super::scene::{report, verdict};
use crate::support::inboxes::Inboxes;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::webhook_settings;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// One run: an endpoint that answers an event with a result, and an endpoint for the result.
struct Scene {
    event: String,
    endpoints: [Endpoint; 2],
    paths: [String; 2],
}

impl Scene {
    async fn new(receiver: &WebhookReceiver, name: &str) -> Self {
        let paths = [format!("/{name}"), format!("/{name}-result")];
        let (asked, answered) = (format!("asked-{name}"), format!("answered-{name}"));
        let endpoint = |path: &String| Endpoint::new(receiver.url(path)).rate(60_000);
        let endpoints = [
            endpoint(&paths[0]).types([&asked]).results([&answered]),
            endpoint(&paths[1]).types([&answered]),
        ];
        let reply = Reply::status(200).with_header("Content-Type", "application/json");
        receiver.set_replies(
            &paths[0],
            &[reply.with_body(json!({"by": name}).to_string())],
        );
        // Secrets are derived: another store returns the same.
        let other = Inboxes::memory_with(webhook_settings).salver;
        for (path, endpoint) in paths.iter().zip(&endpoints) {
            let (_, secret) = other.endpoints().add(endpoint.clone()).await.unwrap();
            receiver.set_secrets(path, &[&secret]);
        }
        Self {
            event: asked,
            endpoints,
            paths,
        }
    }

    async fn run(&self, salver: &Salver) -> Result<(), Error> {
        for endpoint in &self.endpoints {
            salver.endpoints().add(endpoint.clone()).await?;
        }
        let event = Event::new(&self.event).id(&self.event).source("/shop");
        salver.publish(event).await?;
        salver.worker().webhooks().drain().await.map(drop)
    }
}

/// Stops after each call. Returns the numbers of calls and of stops, and what is to arrive.
async fn stop_everywhere(
    store: &str,
    inboxes: &Inboxes,
    receiver: &WebhookReceiver,
) -> (u64, u64, Vec<Scene>) {
    let counted = inboxes.process(webhook_settings);
    let scene = Scene::new(receiver, &format!("{store}-counted")).await;
    let from = counted.finished_calls();
    scene.run(&counted).await.unwrap();
    let (calls, mut stops, mut scenes) = (counted.finished_calls() - from, 0, vec![scene]);
    for call in 1..=calls {
        let scene = Scene::new(receiver, &format!("{store}-{call}")).await;
        let stopping = inboxes.process(webhook_settings);
        stopping.stop_after(call);
        tokio::select! {
            biased;
            // The stopped call may be one that needs no other after it.
            outcome = scene.run(&stopping) => drop(outcome),
            () = stopping.stopped() => {}
        }
        stops += 1;
        // The processes of a memory store share one handle.
        stopping.stop_after(u64::MAX);
        let other = inboxes.process(webhook_settings);
        for _ in 0..2 {
            scene.run(&other).await.unwrap();
            // The lease of the process that has stopped ends.
            inboxes.advance(Duration::from_secs(151));
            other.worker().webhooks().drain().await.unwrap();
        }
        // The receiver verifies the time of a webhook.
        inboxes.rewind(2 * Duration::from_secs(151));
        scenes.push(scene);
    }
    println!("STOP webhooks {store} calls={calls}");
    (calls, stops, scenes)
}

#[tokio::test]
async fn process_that_stops_after_any_call_loses_no_webhook_and_no_result() {
    let receiver = WebhookReceiver::start();
    let (mut calls, mut stops, mut scenes) = (0, 0, Vec::new());
    let stores = [
        ("memory", Inboxes::memory_with(webhook_settings)),
        ("redis", Inboxes::redis_with_clock_and(webhook_settings)),
    ];
    for (name, inboxes) in &stores {
        let (counted, stopped, run) = stop_everywhere(name, inboxes, &receiver).await;
        (calls, stops) = (calls + counted, stops + stopped);
        scenes.extend(run);
        inboxes.advance(HOUR);
    }
    assert_eq!(calls, stops);
    let deliveries = receiver.deliveries();
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for scene in &scenes {
        let [asked, answered] = &scene.paths;
        expected.insert(asked.clone(), [scene.event.clone()].into());
        // The id of a result is that of the delivery whose answer it is.
        let asked = deliveries.iter().find(|delivery| delivery.path == *asked);
        let id = asked.and_then(|delivery| delivery.id.clone());
        expected.insert(answered.clone(), id.into_iter().collect());
        assert_eq!(expected[answered].len(), 1, "{answered}");
    }
    let verdict = verdict(&deliveries, &expected);
    report(
        "webhooks_stops",
        verdict,
        Duration::ZERO,
        format!("calls={calls} stops={stops}"),
    );
}
