//! What is stored about a person's mails is handed over, and removed.

use std::time::Duration;

use salver::jobs::DeliveryState;
use salver::mail::{Cadence, Profile};
use salver::{Error, Message, Notification, Recipient, SalverBuilder};
use serde_json::json;

use crate::mail::mailer;
use crate::support::eventually;
use crate::support::inboxes::{Inboxes, ada, bob};
use crate::support::smtp_server::SmtpServer;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const STATES: [DeliveryState; 3] = [
    DeliveryState::Waiting,
    DeliveryState::Leased,
    DeliveryState::Dead,
];

fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .default_cadence("now", Cadence::AtOnce)
        .default_cadence("daily", Cadence::Daily { hour: 8 })
}

/// Returns the recipients of all deliveries, sorted.
async fn recipients(inboxes: &Inboxes) -> Vec<String> {
    let mut recipients = Vec::new();
    for state in STATES {
        let deliveries = inboxes.salver.deliveries().list(state, None).await.unwrap();
        let tasks = deliveries.into_iter().map(|delivery| delivery.task);
        recipients.extend(tasks.map(|task| task["recipient"].as_str().unwrap().to_owned()));
    }
    recipients.sort();
    recipients
}

crate::inbox_tests! {
    (settings)

    async fn erasure_removes_the_deliveries_of_a_person(inboxes: Inboxes, clock) {
        let (server, salver) = (SmtpServer::start(), &inboxes.salver);
        let address = |user: &Recipient| match *user == ada() {
            true => "r550+ada@example.org",
            false => "d451+bob@example.org",
        };
        let worker = salver.worker().mail(mailer(&server.url()));
        let worker = worker.profiles(move |who: Vec<Recipient>| async move {
            let profile = |who| {
                let address = address(&who);
                Profile::new(who).email(address)
            };
            Ok::<_, Error>(who.into_iter().map(profile).collect())
        });
        for kind in ["now", "daily"] {
            let note = Notification::new(kind, Message::info("Hello."));
            salver.notify([ada(), bob()], note).await.unwrap();
        }
        worker.drain().await.unwrap();
        // Not planned, and not attempted.
        for kind in ["now", "daily"] {
            let note = Notification::new(kind, Message::info("Later."));
            salver.notify([ada(), bob()], note).await.unwrap();
        }
        assert_eq!(recipients(&inboxes).await, [["user:ada"; 4], ["user:bob"; 4]].concat());
        salver.erase(&ada()).await.unwrap();
        assert_eq!(recipients(&inboxes).await, ["user:bob"; 4]);
        if let Some(server) = &inboxes.server {
            for queue in ["mail", "plan"] {
                let key = format!("app!jobs.{queue}:{{0}}");
                let records: Vec<String> = server.run(&[b"HVALS", key.as_bytes()]);
                assert!(!records.concat().contains("ada"), "{records:?}");
            }
        }
        // The others are mailed as before.
        inboxes.advance(MINUTE);
        worker.drain().await.unwrap();
        assert!(recipients(&inboxes).await.iter().all(|recipient| recipient == "user:bob"));
    }

    async fn digest_that_is_being_sent_during_an_erasure_records_nothing(inboxes: Inboxes, clock) {
        let (server, salver) = (SmtpServer::start(), &inboxes.salver);
        let profiles = |who: Vec<Recipient>| async {
            let profile = |who| Profile::new(who).email("ada@example.org");
            Ok::<_, Error>(who.into_iter().map(profile).collect())
        };
        let worker = salver.worker().mail(mailer(&server.url())).profiles(profiles);
        let note = Notification::new("daily", Message::info("Hello."));
        salver.notify([ada()], note).await.unwrap();
        worker.drain().await.unwrap();
        inboxes.advance(2 * DAY);
        server.set_mode("hold");
        let erase = async {
            eventually("the mail is sent", async || (server.count() == 1).then_some(())).await;
            salver.erase(&ada()).await.unwrap();
            server.reply_to_held("hold", "250 OK");
        };
        let (drained, ()) = tokio::join!(worker.drain(), erase);
        drained.unwrap();
        if let Some(server) = &inboxes.server {
            let keys: Vec<String> = server.run(&[b"KEYS", b"*{user%3Aada}*"]);
            assert_eq!(keys, ["app!inbox-state:{user%3Aada}"]);
        }
        assert!(recipients(&inboxes).await.is_empty());
    }

    async fn export_has_the_chosen_cadences(inboxes: Inboxes) {
        let inbox = inboxes.inbox();
        inbox.set_mail("daily", Cadence::Never).await.unwrap();
        inbox.set_mail("*", Cadence::Daily { hour: 7 }).await.unwrap();
        let export = inboxes.salver.export(&ada()).await.unwrap();
        assert_eq!(export["mail"], json!({ "*": "daily:7", "daily": "never" }));
        let other = inboxes.salver.export(&bob()).await.unwrap();
        assert_eq!(other["mail"], json!({}));
    }
}
