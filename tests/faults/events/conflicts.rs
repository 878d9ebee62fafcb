//! Many publish one event at the same time, and one another event of the same id.

use std::time::Duration;

use futures_util::future::join_all;
use salver::Message;

use super::scene::{edit, report, subscribe, verdict};
use crate::faults::inbox::add_up;
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::profile::by_profile;

const EVENTS: usize = 100;
const PUBLISHERS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_that_many_publish_at_once_is_one_and_another_of_its_id_is_refused() {
    let (mut total, mut refused) = (Verdict::default(), 0);
    for scene in [Inboxes::memory(), Inboxes::redis()] {
        let salver = &scene.salver;
        subscribe(salver, 0..1).await;
        let events = by_profile(EVENTS, 20 * EVENTS).min(99);
        for number in 0..events {
            let publishers = (0..PUBLISHERS).map(|_| {
                // Each has a connection and a message of its own.
                let process = scene.process(|builder| builder);
                async move { process.publish(edit(number)).await }
            });
            for published in join_all(publishers).await {
                published.unwrap();
            }
            let others = [
                edit(number).data("other"),
                edit(number).subject("documents/7"),
                edit(number).filter("language", "en"),
                edit(number).message(Message::info("Other.")),
            ];
            for other in others {
                let error = salver.publish(other).await.unwrap_err();
                assert!(error.is_conflict(), "{error:?}");
                refused += 1;
            }
        }
        salver.worker().events().drain().await.unwrap();
        // Known after the fan-out, too.
        salver.publish(edit(0)).await.unwrap();
        salver.worker().events().drain().await.unwrap();
        add_up(&mut total, &verdict(salver, 0..1, 0..events).await);
    }
    let more = format!("publishers={PUBLISHERS} refused={refused}");
    let none = (Duration::ZERO, Duration::ZERO);
    report("events_conflicts", total, none, more);
}
