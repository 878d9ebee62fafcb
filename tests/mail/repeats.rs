//! A mail that failed is sent again with the same content, and what came since waits for the next one.

use std::time::Duration;

use salver::jobs::{DeliveryState, Worker};
use salver::mail::{Cadence, Profile};
use salver::{Error, InboxFilter, Message, Notification, ReadState, Recipient, SalverBuilder};

use crate::mail::mailer;
use crate::support::inboxes::{Inboxes, note};
use crate::support::smtp_server::SmtpServer;

const MINUTE: Duration = Duration::from_secs(60);

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder.default_cadence("*", Cadence::IfUnread(10 * MINUTE))
}

fn worker(inboxes: &Inboxes, server: &SmtpServer, local_part: &'static str) -> Worker {
    let profiles = move |who: Vec<Recipient>| async move {
        let profile = |who| Profile::new(who).email(format!("{local_part}@example.org"));
        Ok::<_, Error>(who.into_iter().map(profile).collect())
    };
    inboxes
        .salver
        .worker()
        .mail(mailer(&server.url()))
        .profiles(profiles)
}

/// Makes all deliveries due, and attempts them.
async fn attempt_again(inboxes: &Inboxes, worker: &Worker) {
    let deliveries = inboxes.salver.deliveries();
    for delivery in deliveries.list(DeliveryState::Waiting, None).await.unwrap() {
        deliveries.retry(&delivery.id).await.unwrap();
    }
    worker.drain().await.unwrap();
}

crate::inbox_tests! {
    (settings)

    async fn mail_whose_reply_was_lost_is_repeated_with_the_same_content(inboxes: Inboxes, clock) {
        let server = SmtpServer::start();
        for text in ["one", "two", "three"] {
            inboxes.notify(note(text)).await;
        }
        inboxes.advance(11 * MINUTE);
        worker(&inboxes, &server, "lost+ada").drain().await.unwrap();
        assert_eq!(server.mails().len(), 1, "the others have nothing left");
        // These wait for a mail of their own.
        inboxes.notify(note("four")).await;
        let worker = worker(&inboxes, &server, "lost+ada");
        inboxes.advance(MINUTE);
        attempt_again(&inboxes, &worker).await;
        let mails = server.mails();
        let ids: Vec<_> = mails.iter().map(|mail| &mail.headers["message-id"]).collect();
        let repeats: Vec<_> = mails.iter().filter(|mail| mail.headers["message-id"] == *ids[0]).collect();
        assert_eq!(repeats.len(), 2);
        assert_eq!((&repeats[0].text, &repeats[0].html), (&repeats[1].text, &repeats[1].html));
        assert!(repeats[0].text.contains("three") && !repeats[0].text.contains("four"));
    }

    async fn what_was_read_since_is_left_out(inboxes: Inboxes, clock) {
        let server = SmtpServer::start();
        for text in ["one", "two"] {
            inboxes.notify(note(text)).await;
        }
        inboxes.advance(11 * MINUTE);
        let failing = worker(&inboxes, &server, "d451+ada");
        failing.drain().await.unwrap();
        assert!(server.mails().is_empty());
        let read = InboxFilter::all().text("two");
        inboxes.inbox().mark(&read, ReadState::Read).await.unwrap();
        let working = worker(&inboxes, &server, "ada");
        attempt_again(&inboxes, &working).await;
        let mails = server.mails();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].text.contains("one") && !mails[0].text.contains("two"));
        // All read: nothing is sent.
        inboxes.notify(note("three")).await;
        inboxes.advance(11 * MINUTE);
        failing.drain().await.unwrap();
        inboxes.inbox().mark(&InboxFilter::all(), ReadState::Read).await.unwrap();
        attempt_again(&inboxes, &working).await;
        assert_eq!(server.mails().len(), 1);
        assert_eq!(inboxes.salver.deliveries().counts().await.unwrap().due, 0);
    }

    async fn person_who_wants_no_more_mails_gets_no_repeat(inboxes: Inboxes, clock) {
        let server = SmtpServer::start();
        inboxes.notify(note("one")).await;
        inboxes.advance(11 * MINUTE);
        worker(&inboxes, &server, "d451+ada").drain().await.unwrap();
        inboxes.inbox().set_mail("*", Cadence::Never).await.unwrap();
        attempt_again(&inboxes, &worker(&inboxes, &server, "ada")).await;
        assert!(server.mails().is_empty());
        assert_eq!(inboxes.salver.deliveries().counts().await.unwrap().due, 0);
    }

    /// A digest that fails is sent later, though a later one was sent meanwhile, and what was too much for it is in
    /// another one.
    async fn failed_digest_is_sent_after_a_later_one(inboxes: Inboxes, clock) {
        let server = SmtpServer::start();
        inboxes.inbox().set_mail("*", Cadence::Daily { hour: 8 }).await.unwrap();
        for number in 0..250 {
            inboxes.notify(note(&format!("early {number}."))).await;
        }
        let (failing, working) = (worker(&inboxes, &server, "d451+ada"), worker(&inboxes, &server, "ada"));
        failing.drain().await.unwrap();
        inboxes.advance(25 * 60 * MINUTE);
        failing.drain().await.unwrap();
        assert!(server.mails().is_empty());
        // The digest of the next day, while that of the first waits for its next attempt.
        inboxes.notify(note("late.")).await;
        for _ in 0..4 {
            inboxes.advance(25 * 60 * MINUTE);
            working.drain().await.unwrap();
        }
        let texts: Vec<_> = server.mails().into_iter().map(|mail| mail.text).collect();
        let all = texts.concat();
        for number in 0..250 {
            assert_eq!(all.matches(&format!("early {number}.")).count(), 1, "{number}: {} mails", texts.len());
        }
        assert_eq!(all.matches("late.").count(), 1);
    }

    async fn erased_and_retagged_notifications_are_not_mailed(inboxes: Inboxes, clock) {
        let server = SmtpServer::start();
        let worker = worker(&inboxes, &server, "ada");
        let tagged = |text: &str| Notification::new("test", Message::info(text).tag("build"));
        for text in ["pending", "passed"] {
            inboxes.notify(tagged(text)).await;
        }
        let bob = Recipient::user("bob");
        inboxes.salver.notify([bob.clone()], note("secret")).await.unwrap();
        inboxes.salver.erase(&bob).await.unwrap();
        inboxes.advance(11 * MINUTE);
        worker.drain().await.unwrap();
        let mails = server.mails();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].text.contains("passed") && !mails[0].text.contains("pending"));
        if let Some(redis) = &inboxes.server {
            let keys: Vec<String> = redis.run(&[b"KEYS", b"*user%3Abob*"]);
            assert_eq!(keys, ["app!inbox-state:{user%3Abob}"]);
        }
    }
}
