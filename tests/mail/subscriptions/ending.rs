//! The link by which a reader ends the subscriptions for which a mail was sent.

use std::time::Duration;

use salver::mail::Cadence;
use salver::{Notification, Recipient};

use super::{
    EDITS, all, edit, eve, german, is_subscribed, mails, open, settings, submit, subscribe,
};
use crate::mail::mailer;
use crate::mail::unsubscribing::with_profiles;
use crate::support::inboxes::{Inboxes, ada};
use crate::support::mail_pages::undo;
use crate::support::smtp_server::SmtpServer;

crate::inbox_tests! {
    (settings)

    /// Those of others and those that have not matched stay, and so do mails of the same kind.
    async fn link_ends_the_subscriptions_of_its_mail(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let french = german().filter("language", "fr").described("edits in French");
        subscribe(salver, [german(), all(), french.clone()]).await;
        salver.subscribe(&ada(), german()).await.unwrap();
        salver.publish(edit("de")).await.unwrap();
        let letters = mails(salver).await;
        let of_eve = letters.iter().find(|letter| letter.to == "eve@example.org").unwrap();
        let link = of_eve.unsubscribe_url.as_ref().unwrap();
        let page = open(salver, link).await;
        assert!(page.shows("about these 2 subscriptions:"), "{}", page.body);
        assert!(page.shows("<li><bdi>all edits</bdi></li>"), "{}", page.body);
        let page = submit(salver, link, "List-Unsubscribe=One-Click").await;
        assert!(page.status == 200 && page.shows("<li><bdi>edits in German</bdi></li>"), "{}", page.body);
        assert_eq!(salver.subscriptions(&eve()).await.unwrap(), [french]);
        assert!(salver.is_subscribed(&ada(), &german()).await.unwrap());
        assert!(salver.inbox(&eve()).mail().await.unwrap().is_empty());

        let page = submit(salver, link, &undo(&page.body)).await;
        assert!(page.status == 200 && page.shows("E-mails are sent again"), "{}", page.body);
        assert_eq!(salver.subscriptions(&eve()).await.unwrap().len(), 3);
        salver.publish(edit("de")).await.unwrap();
        let letters = mails(salver).await;
        let of_eve = letters.iter().find(|letter| letter.to == "eve@example.org").unwrap();
        let mut names = of_eve.subscriptions.clone();
        names.sort_unstable();
        assert_eq!(names, ["all edits", "edits in German"]);
    }

    /// The subscription is ended on the page of the site.
    async fn link_of_a_user_stops_the_kind(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        salver.subscribe(&ada(), german()).await.unwrap();
        salver.publish(edit("de")).await.unwrap();
        let link = mails(salver).await.remove(0).unsubscribe_url.unwrap();
        assert!(open(salver, &link).await.shows("<li><bdi>wiki.edit</bdi></li>"));
        assert_eq!(submit(salver, &link, "").await.status, 200);
        assert!(salver.is_subscribed(&ada(), &german()).await.unwrap());
        salver.publish(edit("de")).await.unwrap();
        assert_eq!(mails(salver).await.len(), 0);
        assert_eq!(inboxes.counts().await.2, 2);
    }

    async fn link_of_an_older_mail_ends_the_subscription_of_the_user_who_registered(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        subscribe(salver, [german()]).await;
        salver.publish(edit("de")).await.unwrap();
        let link = mails(salver).await.remove(0).unsubscribe_url.unwrap();
        salver.merge(&eve(), &ada()).await.unwrap();
        let is_subscribed = async || salver.is_subscribed(&ada(), &german()).await.unwrap();
        assert!(open(salver, &link).await.shows("<li><bdi>edits in German</bdi></li>"));
        assert!(is_subscribed().await, "a GET has changed something");
        let page = submit(salver, &link, "List-Unsubscribe=One-Click").await;
        assert!(!is_subscribed().await);
        submit(salver, &link, &undo(&page.body)).await;
        assert!(is_subscribed().await);
        assert!(salver.subscriptions(&eve()).await.unwrap().is_empty());
    }

    /// One mail about an event and about something else.
    async fn mail_of_both_kinds_is_unsubscribed_from_both(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        subscribe(salver, [german()]).await;
        let inbox = salver.inbox(&eve());
        let cadence = Cadence::IfUnread(Duration::from_secs(60));
        inbox.set_mail("*", cadence).await.unwrap();
        salver.worker().events().publish(edit("de")).await.unwrap();
        let news = Notification::new("news", salver::Message::info("We have moved."));
        salver.notify([eve()], news).await.unwrap();
        inboxes.advance(Duration::from_secs(120));
        let mut letters = mails(salver).await;
        assert_eq!(letters.len(), 1);
        let link = letters.remove(0).unsubscribe_url.unwrap();
        let page = open(salver, &link).await;
        let list = "<ul><li><bdi>news</bdi></li><li><bdi>edits in German</bdi></li></ul>";
        assert!(page.shows(list) && page.shows("about these 2 kinds:"), "{}", page.body);
        let page = submit(salver, &link, "").await;
        assert!(!is_subscribed(salver).await);
        assert_eq!(inbox.mail().await.unwrap()["news"], Cadence::Never);
        submit(salver, &link, &undo(&page.body)).await;
        assert!(is_subscribed(salver).await);
        assert!(!inbox.mail().await.unwrap().contains_key("news"));
    }
}

/// The longest address with the most subscriptions.
#[tokio::test]
async fn link_of_the_most_subscriptions_fits_a_header() {
    let inboxes = Inboxes::memory_with(settings);
    let (salver, server) = (&inboxes.salver, SmtpServer::start());
    let domain = ["x".repeat(60), "y".repeat(60), "z".repeat(54)].join(".");
    let address = format!("{}@{domain}.example", "a".repeat(64));
    let (reader, user) = (Recipient::email(&address).unwrap(), Recipient::user("ada"));
    for bits in 0..16_u32 {
        let filters = ["a", "b", "c", "d"].into_iter().enumerate();
        let filters = filters.filter(|(place, _)| bits >> place & 1 == 1);
        let edits = filters.fold(
            salver::events::Subscription::new("wiki.edit"),
            |edits, (_, name)| edits.filter(name, "1"),
        );
        salver.subscribe(&user, edits).await.unwrap();
    }
    salver.merge(&user, &reader).await.unwrap();
    let event = salver::events::Event::new("wiki.edit").message(salver::Message::info("Edited."));
    let event = ["a", "b", "c", "d"]
        .into_iter()
        .fold(event, |event, name| event.filter(name, "1"));
    salver.publish(event).await.unwrap();
    let worker = salver.worker().events().mail(mailer(&server.url()));
    with_profiles(worker).drain().await.unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    let header = &mails[0].headers["list-unsubscribe"];
    let length = header.len() + "list-unsubscribe: ".len();
    println!("MAIL longest_link_of_subscriptions={length} limit=998");
    assert!(length < 998, "{length}");
    let link = header.trim_matches(['<', '>']);
    assert!(
        open(salver, link)
            .await
            .shows("about these 8 subscriptions:")
    );
    assert_eq!(EDITS.name(), "wiki.edit");
}
