//! The mail of a notification to an address.

use salver::mail::Mailer;
use salver::{InboxFilter, Message, Notification, Recipient};

use crate::support::inboxes::ada;

fn address() -> Recipient {
    Recipient::email("ada@example.org").unwrap()
}

fn note() -> Notification {
    let text = Message::info("Your order is on its way.\nIt arrives tomorrow.");
    Notification::new("order.sent", text)
}

crate::inbox_tests! {
    async fn address_gets_one_mail_for_each_notification(inboxes: Inboxes) {
        let (salver, mailer) = (&inboxes.salver, Mailer::memory());
        let worker = salver.worker().mail(mailer.clone());
        let note = note();
        salver.notify([address(), ada()], note.clone()).await.unwrap();
        assert_eq!(worker.drain().await.unwrap(), 1);
        let sent = mailer.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].to, "ada@example.org");
        assert_eq!(sent[0].subject, "Your order is on its way.");
        let url = sent[0].unsubscribe_url.as_ref().unwrap();
        assert!(url.starts_with("https://app.example/salver/mail/unsubscribe/"), "{url}");
        let footer = "This e-mail was sent to ada@example.org by app.example.";
        let text = "Your order is on its way.\nIt arrives tomorrow.";
        assert_eq!(sent[0].text, format!("{text}\n\n-- \n{footer}\nUnsubscribe: {url}\n"));
        assert_eq!(sent[0].id.len(), 22);
        // An address has no page: what was mailed leaves its inbox, and does not come back.
        salver.notify([address(), ada()], note).await.unwrap();
        assert_eq!(worker.drain().await.unwrap(), 0);
        assert_eq!(mailer.sent().len(), 1);
        assert_eq!(salver.inbox(&address()).counts().await.unwrap().total, 0);
        assert_eq!(inboxes.counts().await.2, 1);
    }

    async fn retracted_and_erased_notifications_are_not_mailed(inboxes: Inboxes) {
        let (salver, mailer) = (&inboxes.salver, Mailer::memory());
        let other = Recipient::email("bob@example.org").unwrap();
        salver.notify([address(), other.clone()], note()).await.unwrap();
        salver.inbox(&address()).retract(&InboxFilter::all()).await.unwrap();
        salver.erase(&other).await.unwrap();
        let worker = salver.worker().mail(mailer.clone());
        // The erasure has cancelled the other delivery.
        assert_eq!(worker.drain().await.unwrap(), 1);
        assert!(mailer.sent().is_empty());
    }
}
