//! Subscriptions of addresses, which begin when the person opens a link.

use std::net::IpAddr;
use std::time::Duration;

use salver::events::Subscribed;
use salver::mail::Letter;

use super::{german, mails, mails_of_an_edit, reader};
use crate::seeds::{in_browser, on_each_clock};
use crate::support::browser::Browser;
use crate::support::inboxes::Inboxes;
use crate::support::mail_pages::{path, post, serve};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// The clock of a server moves by whole seconds.
const OVER_FIVE_MINUTES: Duration = Duration::from_secs(5 * 60 + 1);

/// Asks to subscribe an address, and returns the mails that this causes.
async fn ask(inboxes: &Inboxes, name: &str, network: Option<&str>) -> Vec<Letter> {
    let mut edits = german();
    if let Some(network) = network {
        edits = edits.requested_by(network.parse::<IpAddr>().unwrap());
    }
    let subscribed = inboxes.salver.subscribe(&reader(name), edits).await;
    // The caller learns nothing about the address.
    assert_eq!(subscribed.unwrap(), Subscribed::AwaitingActivation);
    mails(&inboxes.salver).await
}

fn link(letters: &[Letter]) -> &str {
    let [letter] = letters else {
        panic!("{} mails", letters.len());
    };
    letter.activation_url.as_ref().unwrap()
}

/// One mail in 5 minutes and three a day for each address.
async fn address_is_limited(inboxes: &Inboxes) {
    assert_eq!(ask(inboxes, "bob", None).await.len(), 1);
    assert_eq!(ask(inboxes, "bob", None).await.len(), 0, "in 5 minutes");
    // Another address is not limited by it.
    assert_eq!(ask(inboxes, "carol", None).await.len(), 1);
    for number in 2..=3 {
        inboxes.advance(OVER_FIVE_MINUTES);
        assert_eq!(ask(inboxes, "bob", None).await.len(), 1, "{number}");
    }
    for _ in 0..2 {
        inboxes.advance(HOUR);
        assert_eq!(
            ask(inboxes, "bob", None).await.len(),
            0,
            "a fourth in a day"
        );
    }
    inboxes.advance(22 * HOUR);
    assert_eq!(ask(inboxes, "bob", None).await.len(), 1, "the next day");
}

/// 20 mails an hour for each network address. One person has a whole network of IPv6.
async fn network_is_limited(inboxes: &Inboxes, networks: [&str; 3]) {
    let [own, same, other] = networks;
    for number in 0..20 {
        let name = format!("a{number}");
        assert_eq!(ask(inboxes, &name, Some(own)).await.len(), 1, "{name}");
    }
    assert_eq!(ask(inboxes, "b1", Some(same)).await.len(), 0, "a 21st");
    assert_eq!(ask(inboxes, "b1", Some(other)).await.len(), 1);
    inboxes.advance(HOUR + OVER_FIVE_MINUTES);
    assert_eq!(ask(inboxes, "b2", Some(own)).await.len(), 1, "later");
}

#[actix_web::test]
async fn t14_address_is_subscribed_once_it_is_activated() {
    let name = "t14_address_is_subscribed_once_it_is_activated";
    on_each_clock(name, async |inboxes| {
        let (salver, ada) = (&inboxes.salver, reader("ada"));
        let first = ask(&inboxes, "ada", None).await;
        assert!(!salver.is_subscribed(&ada, &german()).await.unwrap());
        assert_eq!(mails_of_an_edit(salver).await.len(), 0);
        // Asking again sends the same link again, so that both mails work.
        inboxes.advance(OVER_FIVE_MINUTES);
        let second = ask(&inboxes, "ada", None).await;
        assert_eq!(link(&second), link(&first));
        let url = format!("{}{}", serve(salver), path(link(&first)));
        assert_eq!(post(&url, "").await.0, 200);
        assert!(salver.is_subscribed(&ada, &german()).await.unwrap());
        assert_eq!(mails_of_an_edit(salver).await.len(), 1);
        // One that is active is mailed no link.
        inboxes.advance(OVER_FIVE_MINUTES);
        assert_eq!(ask(&inboxes, "ada", None).await.len(), 0);
        address_is_limited(&inboxes).await;
        network_is_limited(&inboxes, ["203.0.113.7", "203.0.113.7", "203.0.113.8"]).await;
        inboxes.advance(24 * HOUR);
        // A server of both versions of IP sees addresses of IPv4 so.
        let networks = ["::ffff:198.51.100.7", "198.51.100.7", "::ffff:198.51.100.8"];
        network_is_limited(&inboxes, networks).await;
        inboxes.advance(24 * HOUR);
        let networks = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"];
        network_is_limited(&inboxes, networks).await;
    })
    .await;
}

pub(super) async fn shown(browser: &Browser) -> String {
    let text = browser.run("return document.body.innerText").await;
    // The marks that isolate the direction of the address, and that keep it in one line.
    let marks = ['\u{2060}', '\u{2068}', '\u{2069}'];
    text.as_str().unwrap().replace(marks, "")
}

#[actix_web::test]
async fn t15_page_asks_and_activates() {
    in_browser("t15_page_asks_and_activates", async |inboxes, browser| {
        let (salver, ada) = (&inboxes.salver, reader("ada"));
        let letters = ask(&inboxes, "ada", None).await;
        let url = format!("{}{}", serve(salver), path(link(&letters)));
        browser.open(&url).await;
        let page = shown(browser).await;
        assert!(page.contains("a…@example.org"), "{page}");
        assert!(page.contains("edits in German"), "{page}");
        browser.check("activate").await;
        // A scanner of mails opens links too.
        assert!(!salver.is_subscribed(&ada, &german()).await.unwrap());

        browser.click("button").await;
        let page = shown(browser).await;
        assert!(page.contains("Your subscription is active"), "{page}");
        browser.check("activated").await;
        assert!(salver.is_subscribed(&ada, &german()).await.unwrap());
        // It offers to unsubscribe.
        browser.click("button").await;
        browser.click("button").await;
        assert!(shown(browser).await.contains("You are unsubscribed"));
        assert!(!salver.is_subscribed(&ada, &german()).await.unwrap());
        // A link that was used activates nothing again.
        browser.open(&url).await;
        let page = shown(browser).await;
        assert!(page.contains("This link has expired"), "{page}");
        browser.check("activation-unknown").await;
        assert_eq!(post(&url, "").await.0, 410);
        assert!(!salver.is_subscribed(&ada, &german()).await.unwrap());
    })
    .await;
}
