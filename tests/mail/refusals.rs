//! What becomes of a mail, by the step at which the SMTP server refuses it.

use salver::jobs::{Delivery, DeliveryState};
use salver::{Message, Notification, Recipient};

use crate::mail::mailer;
use crate::support::inboxes::Inboxes;
use crate::support::smtp_server::SmtpServer;

fn note() -> Notification {
    Notification::new("order.sent", Message::info("It is on its way."))
}

fn address(local_part: &str) -> Recipient {
    Recipient::email(&format!("{local_part}@example.org")).unwrap()
}

async fn deliveries(inboxes: &Inboxes, state: DeliveryState) -> Vec<Delivery> {
    inboxes.salver.deliveries().list(state, None).await.unwrap()
}

/// Returns recipient and error of each delivery.
fn errors(deliveries: &[Delivery]) -> Vec<(String, String)> {
    let error = |delivery: &Delivery| {
        let recipient = delivery.task["recipient"].as_str().unwrap().to_owned();
        let attempts = &delivery.attempts;
        assert_eq!(attempts.len(), 1, "{recipient}");
        (recipient, attempts[0].error.clone())
    };
    let mut errors: Vec<_> = deliveries.iter().map(error).collect();
    errors.sort();
    errors
}

crate::inbox_tests! {
    async fn refused_recipients_are_retried_or_dead_and_others_get_theirs(inboxes: Inboxes) {
        let server = SmtpServer::start();
        let recipients = [
            "r451+a", "r550.5.1.1+b", "r554+c", "d451.4.3.0+d", "d554+e", "ada", "lost+f",
        ];
        inboxes.salver.notify(recipients.map(address), note()).await.unwrap();
        let worker = inboxes.salver.worker().mail(mailer(&server.url()));
        assert_eq!(worker.drain().await.unwrap(), 7);

        let pair = |recipient: &str, error: &str| {
            (format!("email:{recipient}@example.org"), error.to_owned())
        };
        let waiting = errors(&deliveries(&inboxes, DeliveryState::Waiting).await);
        assert_eq!(waiting[..2], [
            pair("d451.4.3.0+d", "SMTP DATA: 451 4.3.0 refused by the test"),
            // The server has accepted it, and its reply was lost.
            pair("lost+f", &waiting[1].1),
        ]);
        assert!(waiting[1].1.starts_with("SMTP DATA: "), "{waiting:?}");
        assert_eq!(waiting[2..], [pair("r451+a", "SMTP RCPT: 451 refused by the test")]);
        let dead = errors(&deliveries(&inboxes, DeliveryState::Dead).await);
        assert_eq!(dead, [
            pair("d554+e", "SMTP DATA: 554 refused by the test"),
            pair("r550.5.1.1+b", "SMTP RCPT: 550 5.1.1 refused by the test"),
            pair("r554+c", "SMTP RCPT: 554 refused by the test"),
        ]);
        let mut sent: Vec<_> = server.mails().into_iter().map(|mail| mail.to).collect();
        sent.sort();
        assert_eq!(sent, ["ada@example.org", "lost+f@example.org"]);

        // The repeat has the same id and the same content.
        for delivery in deliveries(&inboxes, DeliveryState::Waiting).await {
            inboxes.salver.deliveries().retry(&delivery.id).await.unwrap();
        }
        worker.drain().await.unwrap();
        let mails = server.mails();
        let repeated: Vec<_> = mails.iter().filter(|mail| mail.to.starts_with("lost")).collect();
        assert_eq!(repeated.len(), 2);
        assert_eq!(repeated[0].headers["message-id"], repeated[1].headers["message-id"]);
        assert_eq!(
            (&repeated[0].text, &repeated[0].html),
            (&repeated[1].text, &repeated[1].html)
        );
    }

    async fn channel_rests_while_no_mail_can_be_sent(inboxes: Inboxes) {
        let server = SmtpServer::start();
        let worker = inboxes.salver.worker().mail(mailer(&server.url()));
        inboxes.salver.notify([address("ada")], note()).await.unwrap();
        for mode in ["421", "550"] {
            server.set_mode(mode);
            worker.drain().await.unwrap();
            let [delivery] = &deliveries(&inboxes, DeliveryState::Waiting).await[..] else {
                panic!("the mail does not wait");
            };
            // It counts as no attempt: the mail is not to blame.
            assert!(delivery.attempts.is_empty(), "{mode}");
        }
        server.set_mode("451");
        worker.drain().await.unwrap();
        let waiting = errors(&deliveries(&inboxes, DeliveryState::Waiting).await);
        assert_eq!(waiting[0].1, "SMTP MAIL: 451 sender refused by the test");

        server.set_mode("");
        let id = deliveries(&inboxes, DeliveryState::Waiting).await.remove(0).id;
        inboxes.salver.deliveries().retry(&id).await.unwrap();
        worker.drain().await.unwrap();
        assert_eq!(server.mails().len(), 1);
    }

    async fn silent_server_ends_the_attempt_at_its_timeout(inboxes: Inboxes) {
        let server = SmtpServer::start();
        let worker = inboxes.salver.worker().mail(mailer(&server.url()));
        let worker = worker.attempt_timeout(std::time::Duration::from_secs(1));
        inboxes.salver.notify(["hang+a", "ada"].map(address), note()).await.unwrap();
        worker.drain().await.unwrap();
        let waiting = errors(&deliveries(&inboxes, DeliveryState::Waiting).await);
        assert_eq!(waiting, [("email:hang+a@example.org".to_owned(), "took too long".to_owned())]);
        assert_eq!(server.mails().len(), 1);
    }

    async fn mailer_needs_a_site_and_a_sender(inboxes: Inboxes) {
        let worker = inboxes.salver.worker();
        let error = worker.mail(salver::mail::Mailer::smtp("smtp://localhost").unwrap()).start();
        assert!(error.unwrap_err().to_string().contains("Mailer::from"));
        let wrong = mailer("smtp://localhost").from("GraphSpace notify");
        let error = inboxes.salver.worker().mail(wrong).start().unwrap_err();
        assert_eq!(error.field(), Some("from"));
        let salver = salver::Salver::memory("app").unwrap();
        let error = salver.worker().mail(mailer("smtp://localhost")).start().unwrap_err();
        assert!(error.is_misconfigured() && error.to_string().contains("SalverBuilder::site"));
    }
}
