//! Many people, writers and readers at once.

use fastrand::Rng;
use futures_util::future::join_all;
use salver::{InboxFilter, ReadState, Salver};

use crate::support::inbox_history::{InboxHistory, key_differences, people, person};
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;

const PEOPLE: usize = 200;
const CLIENTS: usize = 16;
/// How often the clients stop, so that all counts are compared.
const STOPS: usize = 5;

/// Unread equals the number of unread members whenever the clients stop, and no list contains a
/// notification of another person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_and_lists_are_own_under_concurrency() {
    let operations = by_profile(5_000, 50_000);
    let (mut differences, mut foreign) = (0, 0);
    for inboxes in [Inboxes::memory(), Inboxes::redis()] {
        let history = InboxHistory::default();
        for stop in 0..STOPS {
            let share = operations / STOPS / CLIENTS;
            let clients = (0..CLIENTS).map(|client| {
                let rng = Rng::with_seed((stop * CLIENTS + client) as u64);
                tokio::spawn(work(inboxes.salver.clone(), history.clone(), rng, share))
            });
            for client in join_all(clients).await {
                client.unwrap();
            }
            let compared = history.compare(&inboxes.salver, 0..PEOPLE).await;
            let (verdict, counts) = compared;
            differences += counts + verdict.lost + verdict.twice + verdict.again;
            if let Some(server) = &inboxes.server {
                differences += (0..PEOPLE)
                    .map(|number| key_differences(server, number))
                    .sum::<usize>();
            }
            foreign = foreign.max(verdict.misdelivered);
        }
    }
    println!(
        "INBOX concurrency operations={} stops={} differences={differences} foreign={foreign}",
        2 * operations,
        2 * STOPS
    );
    assert_eq!((differences, foreign), (0, 0));
}

/// Writes and reads as one client.
async fn work(salver: Salver, history: InboxHistory, mut rng: Rng, operations: usize) {
    let all = InboxFilter::all();
    for _ in 0..operations {
        let number = rng.usize(..PEOPLE);
        let inbox = salver.inbox(&person(number));
        match rng.u8(..10) {
            0..4 => {
                let to = [number, (number + rng.usize(1..PEOPLE)) % PEOPLE];
                let note = history.note(&to);
                salver.notify(people(&to), note.clone()).await.unwrap();
                history.record_acknowledged(&to, &note);
            }
            4..6 => {
                let filter = match rng.bool() {
                    true => InboxFilter::unread(),
                    false => InboxFilter::all().text("to"),
                };
                let page = inbox.list(&filter, None).await.unwrap();
                history.record_listed(number, &page);
            }
            6 => {
                let counts = inbox.counts().await.unwrap();
                assert!(counts.unseen <= counts.unread && counts.unread <= counts.total);
            }
            7 => {
                let states = [ReadState::Read, ReadState::Unread, ReadState::Archived];
                let filter = InboxFilter::all().text(rng.u8(..10).to_string());
                inbox.mark(&filter, states[rng.usize(..3)]).await.unwrap();
            }
            8 => {
                inbox.list(&all, None).await.unwrap();
                inbox.mark_seen().await.unwrap();
            }
            _ => {
                let page = inbox.list(&all, None).await.unwrap();
                let Some(row) = page.rows.last() else {
                    continue;
                };
                let only = InboxFilter::all().ids([row.newest.id()]);
                inbox.retract(&only).await.unwrap();
                history.record_removed(number, row.newest.text());
            }
        }
    }
}
