//! Subscriptions that end between an event and the mail about it.

use std::time::Duration;

use salver::jobs::DeliveryState;
use salver::mail::Cadence;
use salver::{InboxFilter, Recipient, Salver};

use super::{all, edit, eve, german, mails, settings, subscribe};
use crate::mail::mailer;
use crate::support::inboxes::ada;
use crate::support::smtp_server::SmtpServer;

/// Fans out an event, and sends no mail.
async fn publish(salver: &Salver, language: &str) {
    let worker = salver.worker().events();
    worker.publish(edit(language)).await.unwrap();
}

async fn total(salver: &Salver, recipient: &Recipient) -> u64 {
    salver.inbox(recipient).counts().await.unwrap().total
}

crate::inbox_tests! {
    (settings)

    async fn reader_who_has_unsubscribed_is_not_mailed(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        subscribe(salver, [german()]).await;
        publish(salver, "de").await;
        assert_eq!(total(salver, &eve()).await, 1);
        salver.unsubscribe(&eve(), &german()).await.unwrap();
        // One that awaits its activation does not count.
        salver.subscribe(&eve(), german()).await.unwrap();
        let letters = mails(salver).await;
        assert!(letters.len() == 1 && letters[0].activation_url.is_some());
        // An address has no page.
        assert_eq!(total(salver, &eve()).await, 0);
    }

    async fn user_who_has_unsubscribed_finds_it_in_the_inbox(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        salver.subscribe(&ada(), german()).await.unwrap();
        publish(salver, "de").await;
        salver.unsubscribe(&ada(), &german()).await.unwrap();
        assert_eq!(mails(salver).await.len(), 0);
        assert_eq!(total(salver, &ada()).await, 1);
        // What came from no event is mailed.
        inboxes.notify(crate::support::inboxes::note("Hello")).await;
        assert_eq!(mails(salver).await.len(), 1);
    }

    async fn mail_names_the_subscriptions_that_remain(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        subscribe(salver, [german(), all()]).await;
        publish(salver, "de").await;
        salver.unsubscribe(&eve(), &all()).await.unwrap();
        // Until it is activated, she has not subscribed again.
        salver.subscribe(&eve(), all()).await.unwrap();
        let mut letters = mails(salver).await;
        letters.retain(|letter| letter.activation_url.is_none());
        assert_eq!(letters[0].subscriptions, ["edits in German"]);
        assert_eq!(letters.len(), 1);
    }

    /// It is read before each attempt, not before the first one alone.
    async fn mail_that_is_attempted_again_is_cancelled(inboxes: Inboxes) {
        let (salver, smtp) = (&inboxes.salver, SmtpServer::start());
        subscribe(salver, [german()]).await;
        publish(salver, "de").await;
        smtp.set_mode("451");
        salver.worker().mail(mailer(&smtp.url())).drain().await.unwrap();
        let deliveries = salver.deliveries();
        let waiting = deliveries.list(DeliveryState::Waiting, None).await.unwrap();
        assert_eq!(waiting.len(), 1);
        smtp.set_mode("");
        salver.unsubscribe(&eve(), &german()).await.unwrap();
        deliveries.retry(&waiting[0].id).await.unwrap();
        salver.worker().mail(mailer(&smtp.url())).drain().await.unwrap();
        assert!(smtp.mails().is_empty());
        assert_eq!(total(salver, &eve()).await, 0);
        assert!(deliveries.list(DeliveryState::Waiting, None).await.unwrap().is_empty());
    }

    async fn digest_has_what_the_user_still_follows(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        let cadence = Cadence::IfUnread(Duration::from_secs(60));
        inboxes.inbox().set_mail("*", cadence).await.unwrap();
        let french = || german().filter("language", "fr").described("edits in French");
        salver.subscribe(&ada(), german()).await.unwrap();
        salver.subscribe(&ada(), french()).await.unwrap();
        publish(salver, "de").await;
        publish(salver, "fr").await;
        publish(salver, "fr").await;
        salver.unsubscribe(&ada(), &german()).await.unwrap();
        inboxes.advance(Duration::from_secs(120));
        let letters = mails(salver).await;
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].rows.len(), 2);
        assert_eq!(letters[0].subscriptions, ["edits in French"]);
        assert_eq!(inboxes.texts(InboxFilter::all()).await.len(), 3);
    }
}
