//! People subscribe and unsubscribe on Redis while events find them in the index: who is subscribed in the end is notified, and no other.

use std::time::Duration;

use futures_util::future::join_all;
use salver::events::REMOVE_FROM_INDEX_SCRIPT;

use super::scene::{edit, edits, notified, person, report};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;

/// Rounds, each with people of its own and eight calls at once.
const ROUNDS: usize = 25;
const PEOPLE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_that_change_at_the_same_time_leave_no_subscriber_out_of_the_index() {
    let scene = Inboxes::redis();
    let salver = &scene.salver;
    let mut verdict = Verdict::default();
    for round in 0..by_profile(ROUNDS, 20 * ROUNDS) {
        let people = round * PEOPLE..(round + 1) * PEOPLE;
        let subscription = || edits().subject(format!("documents/{round}"));
        let event = |number| edit(number).subject(format!("documents/{round}"));
        let calls = people.clone().map(|number| async move {
            let (one, other) = (person(number), person(number));
            let unsubscribing = async {
                salver.unsubscribe(&other, &subscription()).await.unwrap();
            };
            let subscribing = async {
                salver.subscribe(&one, subscription()).await.unwrap();
                salver.subscribe(&one, subscription()).await.unwrap();
            };
            let cleaning = async {
                salver
                    .clean_subscribers(&one, &subscription())
                    .await
                    .unwrap();
            };
            tokio::join!(subscribing, unsubscribing, cleaning);
        });
        join_all(calls).await;
        let worker = salver.worker().events();
        worker.publish(event(round)).await.unwrap();
        for number in people {
            let is_subscribed = salver.is_subscribed(&person(number), &subscription()).await;
            let is_subscribed = is_subscribed.unwrap();
            let times = notified(salver, &person(number)).await.len();
            verdict.n += usize::from(is_subscribed);
            verdict.received += usize::from(is_subscribed && times > 0);
            verdict.lost += usize::from(is_subscribed && times == 0);
            verdict.misdelivered += usize::from(!is_subscribed && times > 0);
            verdict.twice += times.saturating_sub(1);
        }
    }
    assert!(verdict.received > 0);
    let none = (Duration::ZERO, Duration::ZERO);
    report("events_changes", verdict, none, String::new());
}

/// A process has begun to remove a person from the index, stops, and goes on after the person has subscribed.
#[tokio::test]
async fn subscription_takes_the_mark_of_a_removal_away() {
    let scene = Inboxes::redis();
    let (salver, server) = (&scene.salver, scene.server.as_ref().unwrap());
    let (ada, mark) = (person(0), b"mark");
    let name = ada.to_string();
    let name = name.as_bytes();
    let index = "app!subscribers:{wiki.edit?language=de}".as_bytes();
    let removals = "app!subscribers:{wiki.edit?language=de}:removals".as_bytes();
    for is_subscribed in [true, false] {
        salver.subscribe(&ada, edits()).await.unwrap();
        let _: u64 = server.run(&[b"HSET", removals, name, mark]);
        if is_subscribed {
            salver.subscribe(&ada, edits()).await.unwrap();
        }
        let script = REMOVE_FROM_INDEX_SCRIPT.as_bytes();
        let _: Vec<String> = server.run(&[b"EVAL", script, b"2", index, removals, name, mark]);
        let subscribers = salver.subscribers(&edits(), None).await.unwrap();
        assert_eq!(subscribers.contains(&ada), is_subscribed);
    }
}
