//! Renderers that fail or panic for one of many recipients.

use futures_util::{StreamExt, stream};
use salver::events::EventType;
use salver::jobs::{DeliveryState, Worker};
use salver::mail::Cadence;
use salver::{Message, Recipient};

use crate::support::inboxes::Inboxes;

const EDITED: EventType = EventType::new("wiki.edited", &[]);
/// More than those of one step.
const PEOPLE: usize = 600;
/// The person for whom the rendering fails, who is among the first in the index.
const UNLUCKY: usize = 3;
/// Calls at the same time.
const CALLS: usize = 64;

fn render(jobs: &Inboxes, for_one: fn() -> Result<Message, &'static str>) -> Worker {
    let unlucky = Recipient::user(UNLUCKY);
    jobs.salver.worker().render(&EDITED, move |_, matched| {
        let is_unlucky = *matched.recipient() == unlucky;
        async move {
            match is_unlucky {
                true => for_one().map_err(Into::into),
                false => Ok(Message::info("Ports was edited.")),
            }
        }
    })
}

/// Returns how many people are notified.
async fn notified(jobs: &Inboxes) -> u64 {
    let mut notified = 0;
    for person in 0..PEOPLE {
        let inbox = jobs.salver.inbox(&Recipient::user(person));
        notified += inbox.counts().await.unwrap().unread;
    }
    notified
}

async fn all_but_one_are_notified(jobs: Inboxes, for_one: fn() -> Result<Message, &'static str>) {
    let salver = &jobs.salver;
    let subscribe = |person| async move {
        let subscription = EDITED.subscription();
        salver
            .subscribe(&Recipient::user(person), subscription)
            .await
            .unwrap();
    };
    let subscribed = stream::iter(0..PEOPLE)
        .map(subscribe)
        .buffer_unordered(CALLS);
    subscribed.collect::<()>().await;
    salver.publish(EDITED.event()).await.unwrap();
    let deliveries = salver.deliveries();
    let waiting = deliveries.list(DeliveryState::Waiting, None).await.unwrap();
    render(&jobs, for_one).drain().await.unwrap();
    assert_eq!(notified(&jobs).await, PEOPLE as u64 - 1);
    let counts = deliveries.counts().await.unwrap();
    // The mails of the others, and the event.
    assert_eq!((counts.due, counts.later), (PEOPLE as u64 - 1, 1));
    assert!(deliveries.retry(&waiting[0].id).await.unwrap());
    let repaired = render(&jobs, || Ok(Message::info("Ports was edited.")));
    assert_eq!(repaired.drain().await.unwrap(), 1);
    assert_eq!(notified(&jobs).await, PEOPLE as u64);
    let counts = deliveries.counts().await.unwrap();
    assert_eq!((counts.due, counts.later), (PEOPLE as u64, 0));
}

crate::inbox_tests! {
    (|builder| builder.default_cadence("wiki", Cadence::AtOnce))

    async fn recipient_whose_rendering_fails_holds_up_no_others(jobs: Inboxes) {
        all_but_one_are_notified(jobs, || Err("no such person")).await;
    }

    async fn recipient_whose_rendering_panics_holds_up_no_others(jobs: Inboxes) {
        all_but_one_are_notified(jobs, || panic!("a bug in a renderer")).await;
    }
}
