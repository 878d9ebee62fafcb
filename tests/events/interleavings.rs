//! Subscribing, unsubscribing and the removal of a stale subscriber, in every order of their calls to the store.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use salver::events::Subscription;
use salver::{Error, Recipient, Salver};

/// The calls of each of the three, at most.
const CALLS: usize = 4;
const TASKS: usize = 3;

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

/// Runs one schedule with a type of its own. Returns whether Ada is subscribed, and whether she is in the index.
async fn run(salver: &Salver, number: u64, schedule: &[usize], before: Before) -> (bool, bool) {
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
    for &next in schedule {
        if !ended[next] {
            ended[next] = poll(&mut tasks[next]);
        }
    }
    assert_eq!(ended, [true; TASKS], "a task has more than {CALLS} calls");
    drop(tasks);
    let is_subscribed = salver.is_subscribed(&ada, &edits).await.unwrap();
    let subscribers = salver.subscribers(&edits, None).await.unwrap();
    (is_subscribed, subscribers.contains(&ada))
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
    let mut check = async |schedule: &[usize]| {
        let (is_subscribed, is_indexed) = run(&salver, schedules, schedule, before).await;
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
