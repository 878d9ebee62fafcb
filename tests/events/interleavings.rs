//! Subscribing, unsubscribing and the removal of a stale subscriber, in every order of their calls to the store. Looks after
//! each call, as if the processes stopped there.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use salver::events::Subscription;
use salver::{Error, Recipient, Salver};

use crate::support::inboxes::Inboxes;

/// The calls of each of the three, at most.
const CALLS: usize = 4;
const TASKS: usize = 3;
/// The task that subscribes.
const SUBSCRIBING: usize = 0;

type Task<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

fn tasks<'a>(salver: &'a Salver, ada: &'a Recipient, edits: &'a Subscription) -> [Task<'a>; TASKS] {
    [
        Box::pin(async { salver.subscribe(ada, edits.clone()).await.map(drop) }),
        Box::pin(async { salver.unsubscribe(ada, edits).await.map(drop) }),
        Box::pin(salver.clean_subscribers(ada, edits)),
    ]
}

/// Runs the next call of a task. Returns whether it has ended.
fn poll(task: &mut Task<'_>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    match task.as_mut().poll(&mut context) {
        Poll::Ready(outcome) => {
            outcome.unwrap();
            true
        }
        Poll::Pending => false,
    }
}

/// What is there before the three begin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Subscribed,
    /// A subscriber whose subscription has ended.
    Stale,
}

/// Returns whether a person is subscribed, and whether she is in the index.
async fn find(salver: &Salver, person: &Recipient, edits: &Subscription) -> (bool, bool) {
    let is_subscribed = salver.is_subscribed(person, edits).await.unwrap();
    let subscribers = salver.subscribers(edits, None).await.unwrap();
    (is_subscribed, subscribers.contains(person))
}

/// Runs one schedule with a type of its own. Returns whether Ada is subscribed, and whether she is in the index. Panics if she
/// is subscribed and not in it after any call, unless she is being subscribed. The first `known` calls were those of the
/// schedule before.
async fn run(
    salver: &Salver,
    number: u64,
    schedule: &[usize],
    known: usize,
    before: Before,
) -> (bool, bool) {
    let edits = Subscription::new(format!("wiki.edit.{number}"));
    let ada = Recipient::user(number);
    salver.subscribe(&ada, edits.clone()).await.unwrap();
    if before == Before::Stale {
        // The first call removes the subscription.
        let stopping = salver.clone();
        stopping.stop_after(1);
        tokio::select! {
            _ = stopping.unsubscribe(&ada, &edits) => unreachable!(),
            () = stopping.stopped() => {}
        }
        stopping.stop_after(u64::MAX);
    }
    let mut tasks = tasks(salver, &ada, &edits);
    // Each waits before its first call.
    let mut ended = [false; TASKS];
    for (task, ended) in tasks.iter_mut().zip(&mut ended) {
        *ended = poll(task);
    }
    for (step, &next) in schedule.iter().enumerate() {
        if ended[next] {
            continue;
        }
        ended[next] = poll(&mut tasks[next]);
        if step < known {
            continue;
        }
        let (is_subscribed, is_indexed) = find(salver, &ada, &edits).await;
        let is_lost = is_subscribed && !is_indexed && ended[SUBSCRIBING];
        assert!(!is_lost, "{before:?} {schedule:?}");
    }
    assert_eq!(ended, [true; TASKS], "a task has more than {CALLS} calls");
    find(salver, &ada, &edits).await
}

/// Calls `run` with each order of `CALLS` calls of each task.
async fn explore(schedule: &mut Vec<usize>, run: &mut impl AsyncFnMut(&[usize])) {
    if schedule.len() == CALLS * TASKS {
        run(schedule).await;
        return;
    }
    for task in 0..TASKS {
        if schedule.iter().filter(|one| **one == task).count() < CALLS {
            schedule.push(task);
            Box::pin(explore(schedule, run)).await;
            schedule.pop();
        }
    }
}

/// The number of orders: a multinomial coefficient.
fn closed_form() -> u64 {
    let factorial = |n: usize| (1..=n as u64).product::<u64>();
    factorial(CALLS * TASKS) / factorial(CALLS).pow(TASKS as u32)
}

/// Runs all schedules, and prints their number.
async fn check(before: Before) {
    let (mut schedules, mut subscribed, mut stale) = (0_u64, 0, 0);
    let salver = Salver::memory("wiki").unwrap();
    salver.yield_before_calls();
    let mut last = Vec::new();
    let mut check = async |schedule: &[usize]| {
        let pairs = schedule.iter().zip(&last);
        let known = pairs.take_while(|(one, other)| one == other).count();
        last = schedule.to_vec();
        let (is_subscribed, is_indexed) = run(&salver, schedules, schedule, known, before).await;
        assert!(is_indexed || !is_subscribed, "{before:?} {schedule:?}");
        schedules += 1;
        subscribed += u64::from(is_subscribed);
        stale += u64::from(is_indexed && !is_subscribed);
    };
    explore(&mut Vec::new(), &mut check).await;
    let closed_form = closed_form();
    println!(
        "EXPLORE subscriptions before={before:?} schedules={schedules} closed_form={closed_form} subscribed={subscribed} stale={stale}"
    );
    assert_eq!(schedules, closed_form);
    assert!(subscribed > 0);
}

#[tokio::test]
async fn active_subscription_stays_in_the_index_in_every_order_of_calls() {
    check(Before::Subscribed).await;
}

#[tokio::test]
async fn stale_subscriber_is_found_again_in_every_order_of_calls() {
    check(Before::Stale).await;
}

/// Anyone can request a subscription of an address, also while it becomes one of a user and the process stops.
#[tokio::test]
async fn request_during_a_merge_loses_no_subscription() {
    let (mut calls, mut is_merged) = (0, false);
    while !is_merged {
        for inboxes in [Inboxes::memory(), Inboxes::redis()] {
            let salver = &inboxes.salver;
            let edits = Subscription::new("wiki.edit");
            let address = Recipient::email("ada@example.org").unwrap();
            let (ada, registered) = (Recipient::user("ada"), Recipient::user("registered"));
            salver.subscribe(&registered, edits.clone()).await.unwrap();
            salver.merge(&registered, &address).await.unwrap();
            let stopping = inboxes.process(|builder| builder);
            stopping.stop_after(calls + 1);
            is_merged = tokio::select! {
                biased;
                outcome = stopping.merge(&address, &ada) => outcome.is_ok(),
                () = stopping.stopped() => false,
            };
            stopping.stop_after(u64::MAX);
            salver.subscribe(&address, edits.clone()).await.unwrap();
            salver.merge(&address, &ada).await.unwrap();
            assert!(
                salver.is_subscribed(&ada, &edits).await.unwrap(),
                "after {calls} calls"
            );
        }
        calls += 1;
    }
    assert!(calls > 7, "{calls} calls");
}
