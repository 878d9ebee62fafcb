//! A renderer ends its process: that event is dead in the end, and others are notified.

use std::time::Duration;

use salver::events::EventType;
use salver::jobs::DeliveryState;
use salver::store::RedisStore;
use salver::{Message, Salver};

use super::scene::{notified, person, report};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;
use crate::support::processes::start_test;
use crate::support::worker_process::aborts_until_done;

/// Environment variable with the address of the server, for the child process.
const REDIS: &str = "SALVER_TEST_ABORTING_RENDERER";
const ABORTING: EventType = EventType::new("wiki.aborting", &[]);
const SOUND: EventType = EventType::new("wiki.sound", &[]);

#[tokio::test]
#[ignore = "runs in a child process that another test starts"]
async fn fan_out_until_abort() {
    let store = RedisStore::new(&std::env::var(REDIS).unwrap()).unwrap();
    let worker = Salver::new("app", store).unwrap().worker();
    let worker = worker.render(&ABORTING, |_, _| async {
        if true {
            std::process::abort();
        }
        Ok(Message::info("Never."))
    });
    let worker = worker.render(&SOUND, |_, _| async { Ok(Message::info("Sound.")) });
    let _running = worker.start().unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn event_whose_renderer_ends_the_process_is_dead_and_others_are_notified() {
    let scene = Inboxes::redis_with_clock();
    let (salver, ada) = (&scene.salver, person(0));
    for event_type in [ABORTING, SOUND] {
        let subscription = event_type.subscription();
        salver.subscribe(&ada, subscription).await.unwrap();
        salver.publish(event_type.event()).await.unwrap();
    }
    let url = scene.server.as_ref().unwrap().url();
    let test = concat!(module_path!(), "::fan_out_until_abort");
    let aborts = aborts_until_done(&scene, || start_test(test, (REDIS, &url))).await;
    let deliveries = salver.deliveries();
    let dead = deliveries.list(DeliveryState::Dead, None).await.unwrap();
    let errors: Vec<_> = dead
        .iter()
        .map(|one| one.attempts[0].error.as_str())
        .collect();
    assert_eq!(errors, ["no attempt ended: each worker died"]);
    assert_eq!(notified(salver, &ada).await, ["Sound."]);
    let verdict = Verdict {
        n: 2,
        received: 1,
        pending: 1,
        ..Verdict::default()
    };
    let none = (Duration::ZERO, Duration::ZERO);
    report(
        "events_aborts",
        verdict,
        none,
        format!("dead=1 aborts={aborts}"),
    );
}
