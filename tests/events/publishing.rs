//! Publishing in the caller's task.

use std::time::Duration;

use salver::events::EventType;
use salver::mail::Cadence;
use salver::{Message, Notification, Recipient, Salver};

use crate::support::inboxes::ada;

const EDITED: EventType = EventType::new("wiki.edited", &[]);

/// The caller may be the one that sends the mails afterwards.
#[tokio::test]
async fn worker_publish_returns_while_many_mails_wait() {
    let salver = Salver::builder("wiki")
        .site("https://wiki.example")
        .secret([7; 32])
        .default_cadence("wiki", Cadence::AtOnce)
        .build()
        .unwrap();
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
