//! How a reader ends subscriptions by the link in a mail.

use super::activation::shown;
use super::{german, mails_of_an_edit, reader, subscribe};
use crate::seeds::in_browser;
use crate::support::mail_pages::{get, path, post, serve};

#[actix_web::test]
async fn t16_page_asks_and_ends_a_subscription() {
    let name = "t16_page_asks_and_ends_a_subscription";
    in_browser(name, async |inboxes, browser| {
        let (salver, ada) = (&inboxes.salver, reader("ada"));
        subscribe(salver, &ada).await;
        let letter = mails_of_an_edit(salver).await.pop().unwrap();
        let link = path(letter.unsubscribe_url.as_ref().unwrap());
        let url = format!("{}{link}", serve(salver));
        let is_subscribed = async || salver.is_subscribed(&ada, &german()).await.unwrap();

        browser.open(&url).await;
        let page = shown(browser).await;
        assert!(page.contains("Stop e-mails to a…@example.org"), "{page}");
        assert!(page.contains("edits in German"), "{page}");
        browser.check("end-subscription").await;
        assert!(is_subscribed().await, "a GET has changed something");
        browser.click("button").await;
        let page = shown(browser).await;
        assert!(page.contains("You are unsubscribed"), "{page}");
        assert!(page.contains("edits in German"), "{page}");
        browser.check("subscription-ended").await;
        assert!(!is_subscribed().await);
        assert_eq!(mails_of_an_edit(salver).await.len(), 0);
        // Undo.
        browser.click("button").await;
        let page = shown(browser).await;
        assert!(page.contains("E-mails are sent again"), "{page}");
        browser.check("subscription-restored").await;
        assert_eq!(salver.subscriptions(&ada).await.unwrap(), [german()]);
        assert_eq!(mails_of_an_edit(salver).await.len(), 1);

        // As a mail program sends it. Again, it changes nothing.
        for _ in 0..2 {
            assert_eq!(post(&url, "List-Unsubscribe=One-Click").await.0, 200);
            assert!(!is_subscribed().await);
        }
        let (status, page) = get(&url).await;
        assert!(
            status == 200 && page.contains("have stopped already"),
            "{page}"
        );
        assert_eq!(mails_of_an_edit(salver).await.len(), 0);
    })
    .await;
}
