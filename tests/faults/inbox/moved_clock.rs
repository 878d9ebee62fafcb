//! The clock of the store goes back by an hour and ahead by a day.

use std::time::Duration;

use fastrand::Rng;
use salver::InboxFilter;

use super::report;
use crate::support::history::Verdict;
use crate::support::inboxes::{Inboxes, note};
use crate::support::profile::by_profile;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Days that a round may move ahead. All notifications are younger than the maximum age.
const MAX_DAYS: usize = 80;

#[tokio::test]
async fn order_and_badge_survive_moved_clock() {
    let mut total = Verdict::default();
    for round in 0..by_profile(1, 20) {
        for inboxes in [Inboxes::memory(), Inboxes::redis_with_clock()] {
            let moves = move_clock(&inboxes, round as u64).await;
            total.n += moves;
            total.received += moves;
        }
    }
    report(
        "inbox_moved_clock",
        total,
        (Duration::ZERO, Duration::ZERO),
        String::new(),
    );
}

/// Returns the number of notifications.
async fn move_clock(inboxes: &Inboxes, seed: u64) -> usize {
    let (mut rng, mut days) = (Rng::with_seed(seed), 0);
    let (mut expected, mut unseen) = (Vec::new(), 0);
    let inbox = inboxes.inbox();
    for number in 0..25 {
        match rng.u8(..3) {
            0 => inboxes.rewind(HOUR),
            1 if days < MAX_DAYS => {
                inboxes.advance(DAY);
                days += 1;
            }
            _ => {}
        }
        let text = format!("{number} to ada");
        inboxes.notify(note(&text)).await;
        expected.insert(0, text);
        unseen += 1;
        assert_eq!(inboxes.texts(InboxFilter::all()).await, expected);
        let total = expected.len() as u64;
        assert_eq!(inboxes.counts().await, (unseen, total, total));
        if rng.u8(..4) == 0 {
            inbox.list(&InboxFilter::all(), None).await.unwrap();
            inbox.mark_seen().await.unwrap();
            unseen = 0;
            assert_eq!(inboxes.counts().await, (0, total, total));
        }
        if rng.u8(..6) == 0 {
            let newest = InboxFilter::all().text(expected.remove(0));
            assert_eq!(inbox.retract(&newest).await.unwrap(), 1);
            // The newest one was unseen, unless all are seen.
            unseen = u64::saturating_sub(unseen, 1);
        }
    }
    expected.len()
}
