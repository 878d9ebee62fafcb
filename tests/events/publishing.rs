//! Publishing in the caller's task.

use std::time::Duration;

use salver::events::EventType;
use salver::mail::Cadence;
use salver::{Message, Notification, Recipient, Salver};

use crate::support::inboxes::ada;

const EDITED: EventType = EventType::new("wiki.edited", &[]);

/// A wiki whose notifications are mailed at once.
fn mailing_wiki() -> Salver {
    let builder = Salver::builder("wiki").site("https://wiki.example");
    let builder = builder.default_cadence("wiki", Cadence::AtOnce);
    builder.secret([7; 32]).build().unwrap()
}

/// The caller may be the one that sends the mails afterwards.
#[tokio::test]
async fn worker_publish_returns_while_many_mails_wait() {
    let salver = mailing_wiki();
    let note = Notification::new("wiki.news", Message::info("The wiki has news."));
    let readers = (0..10_000).map(Recipient::user);
    salver.notify(readers, note).await.unwrap();
    let edits = EDITED.subscription();
    salver.subscribe(&ada(), edits).await.unwrap();
    let event = EDITED.event().message(Message::info("Ports was edited."));
    let worker = salver.worker().events();
    let publish = tokio::time::timeout(Duration::from_secs(60), worker.publish(event));
    publish.await.expect("the call rests").unwrap();
    let counts = salver.inbox(&ada()).counts().await.unwrap();
    assert_eq!(counts.unread, 1);
}

/// A renderer that fails for one person.
#[tokio::test]
async fn person_whose_rendering_fails_holds_up_no_other_of_the_step() {
    renders_for_all_but_one(Err("no such person".into())).await;
}

/// A renderer that returns a text for one person which is too long.
#[tokio::test]
async fn person_whose_notification_is_invalid_holds_up_no_other_of_the_step() {
    renders_for_all_but_one(Ok(Message::info("x".repeat(5_000)))).await;
}

async fn renders_for_all_but_one(for_one: Result<Message, String>) {
    let salver = mailing_wiki();
    let people: Vec<_> = (0..100).map(Recipient::user).collect();
    for person in &people {
        let edits = EDITED.subscription();
        salver.subscribe(person, edits).await.unwrap();
    }
    let fails = Recipient::user(7);
    let worker = salver.worker().render(&EDITED, move |_, matched| {
        let (fails, for_one) = (*matched.recipient() == fails, for_one.clone());
        async move {
            match fails {
                true => for_one.map_err(Into::into),
                false => Ok(Message::info("Ports was edited.")),
            }
        }
    });
    let error = worker.publish(EDITED.event()).await.unwrap_err();
    assert!(error.is_invalid(), "{error:?}");
    let mut notified = 0;
    for person in &people {
        notified += salver.inbox(person).counts().await.unwrap().unread;
    }
    assert_eq!(notified, 99);
    // The 99 mails, and the event itself.
    assert_eq!(salver.deliveries().counts().await.unwrap().due, 100);
}

#[tokio::test]
async fn event_that_the_worker_cannot_render_is_invalid() {
    let salver = Salver::memory("wiki").unwrap();
    // Without any subscriber there is nothing to render.
    salver.worker().publish(EDITED.event()).await.unwrap();
    let ada = Recipient::user("ada");
    salver.subscribe(&ada, EDITED.subscription()).await.unwrap();
    let other = EventType::new("wiki.other", &[]);
    let with_other = salver
        .worker()
        .render(&other, |_, _| async { Ok(Message::info("Other.")) });
    for worker in [salver.worker().events(), with_other] {
        let publish = worker.publish(EDITED.event());
        let published = tokio::time::timeout(Duration::from_secs(60), publish).await;
        let error = published.expect("the call waits").unwrap_err();
        assert!(error.is_invalid(), "{error:?}");
    }
}
