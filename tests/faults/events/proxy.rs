//! Replies are lost, duplicated or shifted between Redis and a site that subscribes, publishes and fans out.

use std::time::Duration;

use salver::store::RedisStore;
use salver::{Error, Salver};

use super::scene::{edit, edits, person, report, until_accepted, verdict};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;
use crate::support::proxy::{Fault, Proxy, REPLY_FAULTS};

const PEOPLE: usize = 200;
/// Events that are published and fanned out during each fault.
const EVENTS: usize = 8;
/// How often a fault is injected, and for how long: longer than a call is sent again by itself.
const FAULTS: usize = 12;
const FAULT_TIME: Duration = Duration::from_millis(250);

/// Subscribes people and publishes events, each until it succeeds, and fans out. Returns how many calls have failed.
async fn work(salver: &Salver, fault: usize) -> usize {
    let mut errors = 0;
    let document = || format!("documents/{fault}");
    for number in fault * PEOPLE..(fault + 1) * PEOPLE {
        let subscribe = async || -> Result<(), Error> {
            let edits = edits().subject(document());
            salver.subscribe(&person(number), edits).await.map(drop)
        };
        errors += until_accepted(subscribe).await;
    }
    for number in fault * EVENTS..(fault + 1) * EVENTS {
        let publish = async || salver.publish(edit(number).subject(document())).await;
        errors += until_accepted(publish).await;
        let worker = salver.worker().events();
        for _ in 0..3 {
            errors += usize::from(worker.drain().await.is_err());
        }
    }
    errors
}

/// Injects a fault again and again, each time for shorter than a call is repeated.
async fn inject(proxy: &Proxy, fault: Fault) {
    for _ in 0..FAULTS {
        proxy.set(fault);
        tokio::time::sleep(FAULT_TIME).await;
        proxy.set(Fault::None);
        tokio::time::sleep(FAULT_TIME).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_and_shifted_replies_lose_no_event_and_tell_none_twice() {
    let scene = Inboxes::redis_with_clock();
    let proxy = Proxy::start(scene.server.as_ref().unwrap().port);
    let store = RedisStore::new(&proxy.url()).unwrap();
    let salver = Salver::new("app", store).unwrap();
    let (mut errors, mut total) = (0, Verdict::default());
    let rounds = by_profile(1, 5);
    for round in 0..rounds {
        for (number, fault) in REPLY_FAULTS.into_iter().enumerate() {
            let number = round * REPLY_FAULTS.len() + number;
            let working = work(&salver, number);
            let (failed, ()) = tokio::join!(working, inject(&proxy, fault));
            errors += failed;
            // The leases of claims whose replies were lost end, and the delays of failed attempts.
            for _ in 0..6 {
                scene.advance(Duration::from_secs(60 * 60));
                scene.salver.worker().events().drain().await.unwrap();
            }
            let people = number * PEOPLE..(number + 1) * PEOPLE;
            let events = number * EVENTS..(number + 1) * EVENTS;
            add_up(&mut total, &verdict(&scene.salver, people, events).await);
        }
    }
    assert!(errors > 0, "no call failed");
    let more = format!("faults={} errors={errors}", REPLY_FAULTS.len());
    let none = (Duration::ZERO, Duration::ZERO);
    report("events_replies_shifted", total, none, more);
}
