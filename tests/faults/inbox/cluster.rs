//! Hash slots move between primaries while many people are notified, and a primary is lost until its
//! replica takes over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use salver::{Error, Notification, Salver};

use super::report;
use crate::support::cluster::{Cluster, cluster_handle, wait_until_replicated};
use crate::support::inbox_history::{InboxHistory, key_differences, people};
use crate::support::profile::by_profile;

const PEOPLE: usize = 200;
/// How long a call is repeated.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause after each key of a slot that moves slowly.
const PAUSE: Duration = Duration::from_millis(10);

/// A notification to all, repeated until it succeeds, arrives once at each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notify_to_many_while_slots_move_adds_one_to_each() {
    let cluster = Cluster::start(3, 0);
    let (history, stopped) = (InboxHistory::default(), Arc::new(AtomicBool::new(false)));
    let (errors, worst) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let all: Vec<_> = (0..PEOPLE).collect();
    let notifying = tokio::spawn({
        let (salver, history, stopped) =
            (cluster_handle(&cluster), history.clone(), stopped.clone());
        let (errors, worst, all) = (errors.clone(), worst.clone(), all.clone());
        async move {
            let mut notes = 0;
            while !stopped.load(Ordering::SeqCst) {
                let note = history.note(&all);
                let started = Instant::now();
                let failed = notify(&salver, &history, &all, &note).await;
                errors.fetch_add(failed, Ordering::SeqCst);
                worst.fetch_max(started.elapsed().as_millis() as usize, Ordering::SeqCst);
                notes += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            notes
        }
    });
    let (slots, slow_slots) = (by_profile(100, 600), by_profile(15, 100));
    let inbox = |number| format!("app!inbox:{{user%3Av{number}}}");
    let keys: Vec<_> = (0..slow_slots).map(inbox).collect();
    tokio::task::block_in_place(|| cluster.move_slots(slots, &keys, PAUSE));
    stopped.store(true, Ordering::SeqCst);
    let notes = notifying.await.unwrap();
    assert!(notes > 10, "only {notes} notifications during the moves");

    let verdict = history.verdict(&cluster_handle(&cluster), 0..PEOPLE).await;
    for number in 0..PEOPLE {
        let server = &cluster.nodes[cluster.primary_of(&cluster.nodes[0], &inbox(number))];
        assert_eq!(key_differences(server, number), 0, "keys of {number}");
    }
    let errors = errors.load(Ordering::SeqCst);
    let more = format!(
        "notes={notes} moved={} slow_slots={slow_slots} errors={errors}",
        slots * 3
    );
    let worst = Duration::from_millis(worst.load(Ordering::SeqCst) as u64);
    report(
        "inbox_cluster_slots_move",
        verdict,
        (worst, Duration::ZERO),
        more,
    );
}

/// While a primary is lost, the people of the others are notified. A repeated call reaches all once its
/// replica has taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notify_to_many_while_a_primary_is_lost_adds_one_to_each() {
    let (history, all) = (InboxHistory::default(), (0..PEOPLE).collect::<Vec<_>>());
    let mut cluster = Cluster::replicated();
    let salver = cluster_handle(&cluster);
    let (kills, mut errors, mut recovery) = (by_profile(1, 3), 0, Duration::ZERO);
    for gone in 0..kills {
        let before = history.note(&all);
        errors += notify(&salver, &history, &all, &before).await;
        wait_until_replicated(&cluster.nodes[gone]).await;
        let is_on_gone = |number: &usize| {
            let key = format!("app!inbox:{{user%3Av{number}}}");
            cluster.primary_of(&cluster.nodes[gone], &key) == gone
        };
        let (on_gone, others): (Vec<_>, Vec<_>) = all.iter().partition(|number| is_on_gone(number));
        cluster.nodes[gone].kill();
        let note = history.note(&others);
        errors += notify(&salver, &history, &others, &note).await;
        let note = history.note(&on_gone);
        let refused = salver.notify(people(&on_gone), note.clone()).await;
        assert!(is_repeatable(&refused.unwrap_err()));
        let taking_over = tokio::task::block_in_place(|| {
            cluster.take_over(&cluster.nodes[gone]);
            Instant::now()
        });
        errors += notify(&salver, &history, &on_gone, &note).await;
        recovery = recovery.max(taking_over.elapsed());
    }
    assert!(errors > 0, "no call failed while a primary was lost");
    let verdict = history.verdict(&cluster_handle(&cluster), 0..PEOPLE).await;
    let more = format!("kills={kills} errors={errors}");
    let worst = (Duration::ZERO, recovery);
    report("inbox_cluster_primary_gone", verdict, worst, more);
}

/// Notifies people, and repeats the call until it succeeds. Returns how often it failed.
async fn notify(
    salver: &Salver,
    history: &InboxHistory,
    numbers: &[usize],
    note: &Notification,
) -> usize {
    let (mut errors, started) = (0, Instant::now());
    while let Err(error) = salver.notify(people(numbers), note.clone()).await {
        let is_expected = is_repeatable(&error) && started.elapsed() < PATIENCE;
        assert!(is_expected, "{error:?}");
        errors += 1;
    }
    history.record_acknowledged(numbers, note);
    errors
}

fn is_repeatable(error: &Error) -> bool {
    error.is_in_doubt() || error.is_unavailable()
}
