//! Redis comes back without its data. The notifications are lost, and everything else works.

use std::time::{Duration, Instant};

use salver::InboxFilter;

use super::{add_up, report};
use crate::support::eventually;
use crate::support::history::Verdict;
use crate::support::inbox_history::{InboxHistory, key_differences, people, person};
use crate::support::profile::{by_profile, salver};
use crate::support::redis::Server;

const PEOPLE: usize = 20;

#[tokio::test]
async fn emptied_redis_keeps_no_error_and_takes_new_notifications() {
    let (rounds, notes) = (by_profile(2, 40), 5);
    let (mut total, mut lost, mut recovery) = (Verdict::default(), 0, Duration::ZERO);
    for _ in 0..rounds {
        let mut server = Server::start();
        let salver = salver(&server.url());
        let before = InboxHistory::default();
        let after = before.successor();
        let inboxes: Vec<_> = people(&(0..PEOPLE).collect::<Vec<_>>())
            .iter()
            .map(|person| salver.inbox(person))
            .collect();
        let mut notified = Vec::new();
        for number in (0..PEOPLE).cycle().take(PEOPLE * notes) {
            let note = before.note(&[number]);
            salver.notify([person(number)], note.clone()).await.unwrap();
            before.record_acknowledged(&[number], &note);
            notified.push((number, note));
        }
        for inbox in &inboxes {
            inbox.list(&InboxFilter::all(), None).await.unwrap();
            inbox.mark_seen().await.unwrap();
        }
        server.kill();
        server.restart();
        let restarted = Instant::now();
        eventually("the handle is connected again", async || {
            inboxes[0].counts().await.ok()
        })
        .await;
        recovery = recovery.max(restarted.elapsed());

        lost += before.missing(&salver, 0..PEOPLE).await.len();
        let health = salver.health().await;
        assert!(health.is_healthy(), "{health}");
        for (number, inbox) in inboxes.iter().enumerate() {
            // The position that was listed before the loss hides nothing.
            inbox.mark_seen().await.unwrap();
            let note = after.note(&[number]);
            salver.notify([person(number)], note.clone()).await.unwrap();
            after.record_acknowledged(&[number], &note);
            let counts = inbox.counts().await.unwrap();
            assert_eq!((counts.unseen, counts.unread, counts.total), (1, 1, 1));
        }
        // A job that repeats makes one again.
        for (number, note) in notified.iter().filter(|(number, _)| *number < PEOPLE / 2) {
            for _ in 0..2 {
                salver
                    .notify([person(*number)], note.clone())
                    .await
                    .unwrap();
            }
            after.record_acknowledged(&[*number], note);
        }
        let verdict = after.verdict(&salver, 0..PEOPLE).await;
        for number in 0..PEOPLE {
            assert_eq!(key_differences(&server, number), 0, "keys of {number}");
        }
        add_up(&mut total, &verdict);
    }
    assert_eq!(lost, rounds * PEOPLE * notes);
    let more = format!("rounds={rounds} stated_loss={lost}");
    report(
        "inbox_redis_emptied",
        total,
        (Duration::ZERO, recovery),
        more,
    );
}
