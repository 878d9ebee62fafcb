//! A job repeats a notification after the recipient has deleted it, or a later one has replaced it.

use std::time::Duration;

use salver::inbox::{MAX_IN_GROUP, MAX_NOTIFICATIONS};
use salver::{InboxFilter, Message, MessageId, Notification};
use time::OffsetDateTime;

use super::report;
use crate::support::history::Verdict;
use crate::support::inboxes::{Inboxes, note};
use crate::support::profile::by_profile;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Repeats after each way to leave an inbox. What is left is never more than before the repeat.
#[tokio::test]
async fn repeat_after_removal_brings_nothing_back() {
    let rounds = by_profile(13, 260);
    let mut verdict = Verdict::default();
    for _ in 0..2 {
        for inboxes in [Inboxes::memory(), Inboxes::redis()] {
            verdict.again += deleted(&inboxes, rounds).await;
        }
        for inboxes in [Inboxes::memory(), Inboxes::redis()] {
            verdict.again += retagged(&inboxes, rounds).await;
        }
    }
    for inboxes in [Inboxes::memory(), Inboxes::redis()] {
        verdict.again += displaced(&inboxes, rounds, MAX_IN_GROUP, Some("g")).await;
        verdict.again += displaced(&inboxes, rounds, MAX_NOTIFICATIONS, None).await;
    }
    verdict.n = rounds * 12;
    verdict.delivered = verdict.n;
    report(
        "inbox_repeat_after_removal",
        verdict,
        (Duration::ZERO, Duration::ZERO),
        String::new(),
    );
}

/// Returns how many of these texts the inbox has, and checks the counts. All are unread.
async fn came_back(inboxes: &Inboxes, gone: &str, left: u64) -> usize {
    let (_, unread, total) = inboxes.counts().await;
    assert_eq!((unread, total), (left, left), "after the repeat of {gone}");
    let texts = inboxes.texts(InboxFilter::all().text(gone)).await;
    texts.iter().filter(|text| *text == gone).count()
}

async fn deleted(inboxes: &Inboxes, rounds: usize) -> usize {
    let mut again = 0;
    for round in 0..rounds {
        let gone = note(&format!("deleted {round}"));
        inboxes.notify(gone.clone()).await;
        inboxes.notify(note("kept")).await;
        let only = InboxFilter::all().text(gone.text());
        assert_eq!(inboxes.inbox().retract(&only).await.unwrap(), 1);
        inboxes.notify(gone.clone()).await;
        again += came_back(inboxes, gone.text(), round as u64 + 1).await;
    }
    again
}

async fn retagged(inboxes: &Inboxes, rounds: usize) -> usize {
    let mut again = 0;
    for round in 0..rounds as u32 {
        let step = |step| {
            let id =
                MessageId::for_job_step(OffsetDateTime::UNIX_EPOCH + 20_000 * DAY, "job", step);
            let message = Message::info(format!("step {step}."))
                .tag("progress")
                .with_id(id);
            Notification::new("test", message)
        };
        let (earlier, later) = (step(2 * round), step(2 * round + 1));
        inboxes.notify(earlier.clone()).await;
        inboxes.notify(later.clone()).await;
        inboxes.notify(earlier.clone()).await;
        again += came_back(inboxes, earlier.text(), 1).await;
        // Nor after the later one is gone too.
        inboxes.inbox().retract(&InboxFilter::all()).await.unwrap();
        inboxes.notify(earlier.clone()).await;
        again += came_back(inboxes, earlier.text(), 0).await;
    }
    again
}

/// Fills an inbox or a group, and repeats each notification that a new one displaces.
async fn displaced(inboxes: &Inboxes, rounds: usize, cap: usize, group: Option<&str>) -> usize {
    inboxes.inbox().retract(&InboxFilter::all()).await.unwrap();
    // A millisecond each: the oldest of a group is the one with the earliest id.
    let numbered = |number: usize| {
        let time = OffsetDateTime::UNIX_EPOCH + 20_000 * DAY + Duration::from_millis(number as u64);
        let id = MessageId::for_job_step(time, group.unwrap_or("inbox"), 0);
        let note = Notification::new(
            "test",
            Message::info(format!("number {number}.")).with_id(id),
        );
        match group {
            Some(group) => note.group(group),
            None => note,
        }
    };
    let mut notes: Vec<_> = (0..cap).map(numbered).collect();
    for note in &notes {
        inboxes.notify(note.clone()).await;
    }
    let mut again = 0;
    for round in 0..rounds {
        notes.push(numbered(cap + round));
        inboxes.notify(notes[cap + round].clone()).await;
        inboxes.notify(notes[round].clone()).await;
        again += came_back(inboxes, notes[round].text(), cap as u64).await;
    }
    again
}
