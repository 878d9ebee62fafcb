//! Endpoints are registered, disabled and removed while events are published and delivered, and before each attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use salver::Salver;
use salver::events::Event;
use salver::jobs::DeliveryState;
use salver::webhooks::{Endpoint, EndpointState};

use super::scene::{publish, register_fast, report, verdict};
use crate::faults::events::scene::{until_accepted, wait_until_done};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::webhook_receiver::{Reply, WebhookReceiver};
use crate::support::webhooks::{deliver, order_paid, webhook_settings};

const ROUNDS: usize = 8;
/// Endpoints of each round, which are changed at the same time.
const ENDPOINTS: usize = 12;

/// Changes an endpoint from several processes at once. Each repeats its change until no other process has made one at
/// the same time.
async fn change_at_once(processes: &[Salver], endpoint: &Endpoint, id: &str, number: usize) {
    let [one, other, third] = [0, 1, 2].map(|n| processes[n].endpoints());
    let adding = async {
        if number % 4 != 1 {
            until_accepted(async || one.add(endpoint.clone()).await.map(drop)).await;
        }
    };
    let changing = async {
        until_accepted(async || match number % 4 {
            3 => other.enable(id).await.map(drop),
            2 => other.disable(id).await.map(drop),
            _ => other.remove(id).await.map(drop),
        })
        .await;
    };
    let rotating = async { until_accepted(async || third.rotate(id).await.map(drop)).await };
    tokio::join!(adding, changing, rotating);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_change_at_the_same_time_get_events_as_they_are_listed() {
    let (inboxes, receiver) = (
        Inboxes::redis_with(webhook_settings),
        WebhookReceiver::start(),
    );
    let processes: Vec<_> = (0..3).map(|_| inboxes.process(webhook_settings)).collect();
    let (salver, mut expected) = (&inboxes.salver, BTreeMap::new());
    let mut changed = 0;
    for round in 0..by_profile(ROUNDS, 20 * ROUNDS) {
        let subject = format!("orders/{round}");
        let mut endpoints = Vec::new();
        for number in 0..ENDPOINTS {
            let path = format!("/{round}-{number}");
            let endpoint = Endpoint::new(receiver.url(&path)).subject(&subject);
            let (id, secret) = salver.endpoints().add(endpoint.clone()).await.unwrap();
            receiver.set_secrets(&path, &[&secret]);
            endpoints.push((endpoint, id, path));
        }
        let changes = endpoints.iter().enumerate();
        let changes = changes
            .map(|(number, (endpoint, id, _))| change_at_once(&processes, endpoint, id, number));
        join_all(changes).await;
        changed += ENDPOINTS;
        let listed = salver.endpoints().list().await.unwrap();
        let id = format!("event-{round}");
        for (number, (_, endpoint, path)) in endpoints.iter().enumerate() {
            let state = listed.iter().find(|one| one.id == *endpoint);
            let state = state.map(|one| one.state);
            // No change overwrites another.
            match number % 4 {
                0 => assert_ne!(state, Some(EndpointState::Disabled)),
                1 => assert_eq!(state, None),
                2 => assert_eq!(state, Some(EndpointState::Disabled)),
                _ => assert_eq!(state, Some(EndpointState::Enabled)),
            }
            if state == Some(EndpointState::Enabled) {
                expected.insert(path.clone(), BTreeSet::from([id.clone()]));
            }
        }
        // Another process may know the endpoints as they were.
        processes[0]
            .publish(order_paid(&id).subject(&subject))
            .await
            .unwrap();
        deliver(&processes[round % 3]).await;
        for (_, id, _) in &endpoints {
            salver.endpoints().remove(id).await.unwrap();
        }
    }
    assert!((1..changed).contains(&expected.len()), "{}", expected.len());
    let verdict = verdict(&receiver.deliveries(), &expected);
    let again = verdict.again;
    report(
        "webhooks_changes",
        verdict,
        Duration::ZERO,
        format!("changed={changed}"),
    );
    assert_eq!(again, 0, "deliveries that were repeated");
}

const FANNED_OUT: usize = 100;
/// The jobs of one worker: eight deliveries for each.
const CONCURRENCY: usize = 2;

/// What becomes of an endpoint while its delivery waits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Nothing,
    Removed,
    Disabled,
    /// Removed, and registered again.
    Replaced,
}

use Change::{Disabled, Nothing, Removed, Replaced};

async fn change(salver: &Salver, endpoint: &Endpoint, id: &str, change: Change) {
    let endpoints = salver.endpoints();
    match change {
        Nothing => {}
        Removed => assert!(endpoints.remove(id).await.unwrap()),
        Disabled => assert!(endpoints.disable(id).await.unwrap()),
        Replaced => {
            assert!(endpoints.remove(id).await.unwrap());
            let (same, _) = endpoints.add(endpoint.clone()).await.unwrap();
            assert_eq!(same, id);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoint_that_leaves_in_a_fan_out_gets_nothing_and_those_that_stay_get_all_once() {
    let (mut total, mut cancelled) = (Verdict::default(), 0);
    for _ in 0..by_profile(1, 20) {
        let (inboxes, receiver) = (
            Inboxes::redis_with(webhook_settings),
            WebhookReceiver::start(),
        );
        let (salver, mut endpoints) = (&inboxes.salver, Vec::new());
        for number in 0..FANNED_OUT {
            let path = format!("/{number}");
            let endpoint = Endpoint::new(receiver.url(&path));
            let (id, secret) = salver.endpoints().add(endpoint.clone()).await.unwrap();
            receiver.set_secrets(&path, &[&secret]);
            receiver.set_replies(&path, &[Reply::held("first"), Reply::status(204)]);
            endpoints.push((
                endpoint,
                id,
                path,
                [Nothing, Removed, Disabled, Replaced][number % 4],
            ));
        }
        publish(salver, 0..1).await;
        salver.worker().events().drain().await.unwrap();
        let worker = salver.worker().webhooks().concurrency(CONCURRENCY);
        let running = worker.start().unwrap();
        // All that one worker has in flight; the others wait.
        receiver.wait_for(8 * CONCURRENCY).await;
        let first: BTreeSet<_> = receiver
            .deliveries()
            .into_iter()
            .map(|one| one.path)
            .collect();
        let other = inboxes.process(webhook_settings);
        for (endpoint, id, _, of_endpoint) in &endpoints {
            change(&other, endpoint, id, *of_endpoint).await;
        }
        for (_, _, path, _) in &endpoints {
            receiver.release(path, "first", Reply::status(204));
        }
        register_fast(&other, &receiver, "/new").await;
        wait_until_done(salver).await;
        publish(salver, 1..2).await;
        wait_until_done(salver).await;
        running.stop().await;
        let mut expected = BTreeMap::from([("/new".to_owned(), BTreeSet::from(["1".to_owned()]))]);
        for (_, _, path, change) in &endpoints {
            let gets = |is_right: bool, event: &str| is_right.then(|| event.to_owned());
            let stays = [Nothing, Replaced].contains(change);
            cancelled += usize::from(!stays && !first.contains(path));
            let events = [gets(stays || first.contains(path), "0"), gets(stays, "1")];
            expected.insert(path.clone(), events.into_iter().flatten().collect());
        }
        add_up(&mut total, &verdict(&receiver.deliveries(), &expected));
    }
    let again = total.again;
    let more = format!("cancelled={cancelled}");
    report("webhooks_changed_in_fan_out", total, Duration::ZERO, more);
    assert!(cancelled > 0 && again == 0, "{again} were repeated");
}

/// The delays before the attempts of a job, in seconds: a little longer than the worker plans.
const DELAYS: [u64; 9] = [0, 7, 37, 145, 721, 4_321, 25_921, 103_681, 207_361];

#[tokio::test]
async fn change_before_any_attempt_cancels_the_webhook() {
    let inboxes = Inboxes::redis_with_clock_and(webhook_settings);
    let receiver = WebhookReceiver::start_at(inboxes.clock_file());
    let (salver, mut endpoints, mut expected) = (&inboxes.salver, Vec::new(), BTreeMap::new());
    for of_endpoint in [Nothing, Removed, Disabled, Replaced] {
        for attempt in 1..=DELAYS.len() {
            let name = format!("{of_endpoint:?}-{attempt}");
            let path = format!("/{name}");
            let endpoint = Endpoint::new(receiver.url(&path)).types([&name]);
            let (id, secret) = salver.endpoints().add(endpoint.clone()).await.unwrap();
            receiver.set_secrets(&path, &[&secret]);
            // The endpoint accepts the delivery at the attempt before which it is changed.
            let refusals = vec![Reply::status(503); attempt - 1];
            receiver.set_replies(&path, &[refusals, vec![Reply::status(204)]].concat());
            salver.publish(Event::new(&name).id(&name)).await.unwrap();
            salver.worker().events().drain().await.unwrap();
            endpoints.push((endpoint, id, of_endpoint, attempt));
            let requests = match of_endpoint {
                Nothing | Replaced => attempt,
                Removed | Disabled => attempt - 1,
            };
            expected.insert(path, (name, requests));
        }
    }
    for (attempt, delay) in (1..).zip(DELAYS) {
        inboxes.advance(Duration::from_secs(delay));
        for (endpoint, id, of_endpoint, _) in endpoints.iter().filter(|one| one.3 == attempt) {
            change(salver, endpoint, id, *of_endpoint).await;
        }
        deliver(salver).await;
    }
    let deliveries = receiver.deliveries();
    let requests = |path: &String| deliveries.iter().filter(|one| one.path == *path).count();
    for (path, (_, expected)) in &expected {
        assert_eq!(requests(path), *expected, "{path}");
    }
    let counts = salver.deliveries().counts().await.unwrap();
    // Those of disabled endpoints can be replayed.
    let dead = salver
        .deliveries()
        .list(DeliveryState::Dead, None)
        .await
        .unwrap();
    assert_eq!((counts.due, counts.later, dead.len()), (0, 0, DELAYS.len()));
    let cancelled = 2 * DELAYS.len();
    let events = expected
        .into_iter()
        .filter(|(_, (_, requests))| *requests > 0);
    let events = events
        .map(|(path, (name, _))| (path, BTreeSet::from([name])))
        .collect();
    let mut verdict = verdict(&deliveries, &events);
    verdict.again = 0;
    let more = format!("cancelled={cancelled} attempts={}", DELAYS.len());
    report(
        "webhooks_changed_before_attempt",
        verdict,
        Duration::ZERO,
        more,
    );
}
