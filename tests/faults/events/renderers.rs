//! Renderers that fail, panic, and are missing.

use std::time::Duration;

use salver::events::{Event, EventType, Subscription};
use salver::jobs::{DeliveryState, Worker};
use salver::{Message, Salver};

use super::scene::{notified, person, report};
use crate::support::history::Verdict;
use crate::support::inboxes::Inboxes;

/// Longer than the delay before any further attempt.
const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60 * 60);
const BROKEN: EventType = EventType::new("wiki.broken", &[]);
const SOUND: EventType = EventType::new("wiki.sound", &[]);
const FAILING: EventType = EventType::new("wiki.failing", &[]);

fn worker(salver: &Salver) -> Worker {
    let worker = salver.worker();
    let worker = worker.render(&BROKEN, |_, _| async {
        if true {
            panic!("a bug in a renderer");
        }
        Ok(Message::info("Never."))
    });
    let worker = worker.render(&FAILING, |event, _| async move {
        let title: String = event.get_data()?;
        Ok(Message::info(title))
    });
    worker.render(&SOUND, |_, _| async { Ok(Message::info("Sound.")) })
}

#[tokio::test]
async fn event_whose_renderer_panics_or_fails_is_dead_and_others_are_notified() {
    let (mut verdict, mut dead) = (Verdict::default(), 0);
    for scene in [Inboxes::memory(), Inboxes::redis_with_clock()] {
        let (salver, ada) = (&scene.salver, person(0));
        for event_type in [BROKEN, SOUND, FAILING] {
            salver
                .subscribe(&ada, event_type.subscription())
                .await
                .unwrap();
        }
        let unknown = Subscription::new("wiki.unknown");
        salver.subscribe(&ada, unknown).await.unwrap();
        for event in [
            BROKEN.event(),
            FAILING.event().data(7),
            Event::new("wiki.unknown"),
            SOUND.event(),
        ] {
            salver.publish(event).await.unwrap();
        }
        for _ in 0..10 {
            worker(salver).drain().await.unwrap();
            scene.advance(LONGEST_DELAY);
        }
        assert_eq!(notified(salver, &ada).await, ["Sound."]);
        let listed = salver
            .deliveries()
            .list(DeliveryState::Dead, None)
            .await
            .unwrap();
        let mut attempts: Vec<_> = listed
            .iter()
            .map(|one| {
                (
                    one.channel,
                    one.attempts.len(),
                    one.attempts[0].error.clone(),
                )
            })
            .collect();
        attempts.sort();
        let expected = [
            (
                1,
                "no worker renders events of type wiki.unknown, and it has no message",
            ),
            (5, "panicked"),
            (9, "renderer: data has another form than was asked for"),
        ];
        let expected = expected.map(|(times, error)| ("events", times, error.to_owned()));
        assert_eq!(attempts, expected);
        verdict.n += 4;
        verdict.received += 1;
        verdict.pending += listed.len();
        dead += listed.len();
        // A repaired renderer renders what is replayed.
        for one in &listed {
            salver.deliveries().retry(&one.id).await.unwrap();
        }
        let repaired = salver
            .worker()
            .render(&BROKEN, |_, _| async { Ok(Message::info("Repaired.")) });
        repaired.drain().await.unwrap();
        assert_eq!(notified(salver, &ada).await, ["Repaired.", "Sound."]);
    }
    let none = (Duration::ZERO, Duration::ZERO);
    report("events_renderers", verdict, none, format!("dead={dead}"));
}
