//! Many processes report the same thing to the same people at once.

use std::time::Duration;

use futures_util::future::join_all;

use super::{add_up, report};
use crate::support::history::Verdict;
use crate::support::inbox_history::{InboxHistory, key_differences, people};
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;

const WRITERS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn same_notification_by_sixteen_at_once_is_added_once() {
    let mut total = Verdict::default();
    for inboxes in [Inboxes::memory(), Inboxes::redis()] {
        let (history, to) = (InboxHistory::default(), [0, 1, 2]);
        for _ in 0..by_profile(100, 2_000) {
            let note = history.note(&to);
            let writers = (0..WRITERS).map(|_| {
                let (salver, note) = (inboxes.salver.clone(), note.clone());
                tokio::spawn(async move { salver.notify(people(&[0, 1, 2]), note).await })
            });
            for outcome in join_all(writers).await {
                outcome.unwrap().unwrap();
            }
            history.record_acknowledged(&to, &note);
            if history.acknowledged() % 600 == 0 {
                add_up(&mut total, &history.verdict(&inboxes.salver, 0..3).await);
                remove_all(&inboxes).await;
                history.forget();
            }
        }
        add_up(&mut total, &history.verdict(&inboxes.salver, 0..3).await);
        if let Some(server) = &inboxes.server {
            assert_eq!(
                (0..3)
                    .map(|number| key_differences(server, number))
                    .sum::<usize>(),
                0
            );
        }
    }
    let more = format!("writers={WRITERS}");
    report(
        "inbox_same_by_16",
        total,
        (Duration::ZERO, Duration::ZERO),
        more,
    );
}

async fn remove_all(inboxes: &Inboxes) {
    for recipient in people(&[0, 1, 2]) {
        inboxes.salver.erase(&recipient).await.unwrap();
    }
}
