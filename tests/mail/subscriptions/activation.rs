//! The link that activates the subscription of an address.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use salver::events::Subscribed;
use salver::mail::Mailer;
use salver::{Recipient, SalverBuilder};

use super::{
    DAY, HOUR, ask, edit, eve, german, is_subscribed, mails, open, send, settings, submit,
};
use crate::support::inboxes::Inboxes;
use crate::support::mail_pages::path;

/// What the button sends that requests another mail.
const AGAIN: &str = "again=1";
const OVER_FIVE_MINUTES: Duration = Duration::from_secs(5 * 60 + 1);

crate::inbox_tests! {
    (settings)

    async fn expired_link_offers_another_mail(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        let link = ask(salver, german()).await;
        inboxes.advance(7 * DAY + Duration::from_secs(1));
        let page = submit(salver, &link, "").await;
        assert_eq!(page.status, 410, "{}", page.body);
        assert!(page.shows("This link has expired") && page.shows("edits in German"), "{}", page.body);
        assert!(page.shows(r#"name="again" value="1">Send a new e-mail"#), "{}", page.body);
        assert!(!is_subscribed(salver).await);
        let page = submit(salver, &link, AGAIN).await;
        assert!(page.status == 200 && page.shows("A new e-mail is on its way"), "{}", page.body);
        let mut letters = mails(salver).await;
        assert_eq!(letters.len(), 1);
        let new = letters.remove(0).activation_url.unwrap();
        assert_eq!(submit(salver, &link, "").await.status, 410);
        assert!(!is_subscribed(salver).await);
        assert_eq!(submit(salver, &new, "").await.status, 200);
        assert!(is_subscribed(salver).await);
        // The limits of the address count here too.
        assert_eq!(submit(salver, &link, AGAIN).await.status, 200);
        assert_eq!(mails(salver).await.len(), 0);
    }

    /// After a day, a request is a new one.
    async fn link_of_an_earlier_request_activates_nothing(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        let earlier = ask(salver, german()).await;
        inboxes.advance(25 * HOUR);
        let later = ask(salver, german()).await;
        for page in [open(salver, &earlier).await, submit(salver, &earlier, "").await] {
            assert!(page.status == 410 && page.shows("Send a new e-mail"), "{}", page.body);
        }
        assert!(!is_subscribed(salver).await);
        assert_eq!(submit(salver, &later, "").await.status, 200);
        assert!(is_subscribed(salver).await);
        // It is active: each link shows so.
        assert!(open(salver, &earlier).await.shows("Your subscription is active"));
    }

    async fn link_of_an_unknown_subscription_leads_to_the_site(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let link = ask(salver, german()).await;
        salver.unsubscribe(&eve(), &german()).await.unwrap();
        for page in [open(salver, &link).await, submit(salver, &link, "").await, submit(salver, &link, AGAIN).await] {
            assert!(page.status == 410 && page.shows("This link has expired"), "{}", page.body);
            assert!(page.shows("Subscribe again on app.example"), "{}", page.body);
            assert!(page.shows(r#"<a href="https://app.example/">"#), "{}", page.body);
        }
        assert!(mails(salver).await.is_empty() && !is_subscribed(salver).await);
    }

    /// The job reads the subscription again.
    async fn link_that_is_not_awaited_is_not_mailed(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        let subscribe = async || {
            inboxes.advance(OVER_FIVE_MINUTES);
            salver.subscribe(&eve(), german()).await.unwrap();
        };
        // Another request came before the worker.
        subscribe().await;
        inboxes.advance(25 * HOUR);
        let link = ask(salver, german()).await;
        // The link of an earlier mail was opened.
        subscribe().await;
        assert_eq!(submit(salver, &link, "").await.status, 200);
        assert_eq!(mails(salver).await.len(), 0, "active");
        salver.unsubscribe(&eve(), &german()).await.unwrap();
        inboxes.advance(DAY);
        subscribe().await;
        salver.unsubscribe(&eve(), &german()).await.unwrap();
        assert_eq!(mails(salver).await.len(), 0, "removed");
        subscribe().await;
        inboxes.advance(8 * DAY);
        assert_eq!(mails(salver).await.len(), 0, "expired");
        subscribe().await;
        salver.suppress_mail("eve@example.org").await.unwrap();
        assert_eq!(mails(salver).await.len(), 0, "suppressed");
    }

    async fn subscribing_an_address_reveals_nothing(inboxes: Inboxes, clock) {
        let salver = &inboxes.salver;
        let answer = async || salver.subscribe(&eve(), german()).await.unwrap();
        assert_eq!(answer().await, Subscribed::AwaitingActivation, "unknown");
        assert_eq!(answer().await, Subscribed::AwaitingActivation, "over the limits");
        inboxes.advance(OVER_FIVE_MINUTES);
        assert_eq!(answer().await, Subscribed::AwaitingActivation, "pending");
        let link = mails(salver).await.pop().unwrap().activation_url.unwrap();
        submit(salver, &link, "").await;
        inboxes.advance(OVER_FIVE_MINUTES);
        assert_eq!(answer().await, Subscribed::AwaitingActivation, "subscribed");
        inboxes.advance(DAY);
        salver.suppress_mail("eve@example.org").await.unwrap();
        assert_eq!(answer().await, Subscribed::AwaitingActivation, "suppressed");
    }

    /// As scanners of mails open links.
    async fn other_methods_activate_nothing(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let link = ask(salver, german()).await;
        for (method, status) in [(Method::GET, 200), (Method::HEAD, 405), (Method::PUT, 405), (Method::OPTIONS, 405)] {
            let request = TestRequest::default().method(method.clone()).uri(&path(&link));
            assert_eq!(send(salver, request).await.status, status, "{method}");
        }
        assert!(!is_subscribed(salver).await);
        let page = open(salver, &link).await;
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert!(page.shows("e…\u{2060}@example.org"), "{}", page.body);
        assert!(!page.shows("eve@example.org"), "{}", page.body);
    }

    async fn template_of_the_site_cannot_drop_the_link(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        salver.subscribe(&eve(), german()).await.unwrap();
        let mailer = Mailer::memory();
        let own = mailer.clone().body(|_| Some(("<p>Our news</p>".to_owned(), "Our news".to_owned())));
        salver.worker().mail(own).drain().await.unwrap();
        let letter = mailer.sent().remove(0);
        let link = letter.activation_url.unwrap();
        assert!(letter.html.contains(&link) && letter.text.contains(&link), "{}", letter.text);
        assert!(letter.rows.is_empty() && letter.unsubscribe_url.is_none());
        submit(salver, &link, "").await;
        salver.publish(edit("de")).await.unwrap();
        let mailer = Mailer::memory();
        let own = mailer.clone().body(|letter| {
            let link = letter.activation_url.clone().unwrap_or_default();
            Some((format!("<p>Our news {link}</p>"), format!("Our news {link}")))
        });
        salver.worker().events().mail(own).drain().await.unwrap();
        assert_eq!(mailer.sent()[0].text, "Our news ");
    }
}

/// An error would tell a stranger that the address has subscriptions.
#[tokio::test]
async fn address_with_too_many_subscriptions_is_answered_alike() {
    let inboxes = Inboxes::memory_with(settings as fn(SalverBuilder) -> SalverBuilder);
    let (salver, user) = (&inboxes.salver, Recipient::user("ada"));
    for number in 0..1_000 {
        let edits = german().subject(format!("documents/{number}"));
        salver.subscribe(&user, edits).await.unwrap();
    }
    assert!(
        salver
            .subscribe(&user, german())
            .await
            .unwrap_err()
            .is_full()
    );
    salver.merge(&user, &eve()).await.unwrap();
    let answer = salver.subscribe(&eve(), german()).await.unwrap();
    assert_eq!(answer, Subscribed::AwaitingActivation);
    assert!(mails(salver).await.is_empty());
}
