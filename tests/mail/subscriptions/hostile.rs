//! Links that this site has not sent, or not to this person, and descriptions that try to run.

use salver::events::Subscription;
use salver::{Recipient, Salver};

use super::{
    EDITS, all, ask, edit, eve, german, is_subscribed, mails, open, settings, submit, subscribe,
};
use crate::support::browser::Browser;
use crate::support::inboxes::Inboxes;
use crate::support::mail_pages::{path, post, serve, undo};
use crate::support::processes::scratch;
use crate::support::xss_payloads::payloads;

const ACTIVATE: &str = "https://app.example/salver/mail/activate";
const UNSUBSCRIBE: &str = "https://app.example/salver/mail/unsubscribe";

fn token(link: &str) -> &str {
    link.rsplit('/').next().unwrap()
}

/// Returns tokens in which single bytes differ.
fn changed(token: &str) -> Vec<String> {
    let change = |index: usize| {
        let mut bytes = token.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    (0..token.len()).step_by(7).map(change).collect()
}

/// Returns a site in the memory of this process.
fn other_site(app: &str, secret: u8) -> Salver {
    let builder = settings(Salver::builder(app)).site("https://app.example");
    builder.secret([secret; 32]).build().unwrap()
}

crate::inbox_tests! {
    (settings)

    async fn forged_links_activate_and_end_nothing(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let link = ask(salver, german()).await;
        subscribe(salver, [all()]).await;
        salver.publish(edit("de")).await.unwrap();
        let end = mails(salver).await.remove(0).unsubscribe_url.unwrap();
        let mut forged: Vec<(&str, String)> = Vec::new();
        // The same request on another site, and the same site with another secret.
        for (app, secret) in [("two", 7), ("app", 8)] {
            let other = other_site(app, secret);
            let of_other = ask(&other, german()).await;
            forged.push((ACTIVATE, token(&of_other).to_owned()));
            subscribe(&other, [all()]).await;
            other.publish(edit("de")).await.unwrap();
            let of_other = mails(&other).await.remove(0).unsubscribe_url.unwrap();
            forged.push((UNSUBSCRIBE, token(&of_other).to_owned()));
        }
        // A link of the other purpose.
        forged.push((ACTIVATE, token(&end).to_owned()));
        forged.push((UNSUBSCRIBE, token(&link).to_owned()));
        for (page, link) in [(ACTIVATE, &link), (UNSUBSCRIBE, &end)] {
            let own = token(link);
            let (start, _) = own.rsplit_once('.').unwrap();
            let more = [format!("{start}."), format!("{start}.{}", "A".repeat(43)), "x".to_owned()];
            forged.extend(changed(own).into_iter().chain(more).map(|token| (page, token)));
        }
        for (page, token) in &forged {
            let link = format!("{page}/{token}");
            assert_eq!(open(salver, &link).await.status, 404, "{link}");
            for body in ["", "List-Unsubscribe=One-Click", "again=1", "undo=x"] {
                assert_eq!(submit(salver, &link, body).await.status, 404, "{link} {body}");
            }
        }
        assert!(!is_subscribed(salver).await);
        assert!(salver.is_subscribed(&eve(), &all()).await.unwrap());
        assert!(mails(salver).await.is_empty());
        println!("MAIL forged_links_of_subscriptions={} changed=0", forged.len());
    }

    /// Each link acts for the person whom it names.
    async fn link_of_another_person_changes_nothing_of_mine(inboxes: Inboxes) {
        let (salver, mallory) = (&inboxes.salver, Recipient::email("mallory@example.org").unwrap());
        let own = ask(salver, german()).await;
        salver.subscribe(&mallory, german()).await.unwrap();
        let foreign = mails(salver).await.remove(0).activation_url.unwrap();
        assert_eq!(submit(salver, &foreign, "").await.status, 200);
        assert!(!is_subscribed(salver).await);
        assert_eq!(submit(salver, &own, "").await.status, 200);
        salver.publish(edit("de")).await.unwrap();
        let letters = mails(salver).await;
        let of = |address: &str| {
            let letter = letters.iter().find(|letter| letter.to == address).unwrap();
            letter.unsubscribe_url.clone().unwrap()
        };
        let (foreign, own) = (of("mallory@example.org"), of("eve@example.org"));
        let page = submit(salver, &foreign, "").await;
        assert!(is_subscribed(salver).await);
        assert!(!salver.is_subscribed(&mallory, &german()).await.unwrap());
        // What undoes it works for that link alone.
        submit(salver, &own, "").await;
        assert_eq!(submit(salver, &own, &undo(&page.body)).await.status, 404);
        assert!(!is_subscribed(salver).await);
    }

    async fn link_that_was_used_activates_nothing_again(inboxes: Inboxes) {
        let salver = &inboxes.salver;
        let link = ask(salver, german()).await;
        assert_eq!(submit(salver, &link, "").await.status, 200);
        assert!(salver.unsubscribe(&eve(), &german()).await.unwrap());
        assert_eq!(submit(salver, &link, "").await.status, 410);
        assert_eq!(submit(salver, &link, "again=1").await.status, 410);
        assert!(!is_subscribed(salver).await && mails(salver).await.is_empty());
    }
}

/// Counts what a page or a mail must not have.
const FOUND: &str = "return [window.pwned, document.querySelectorAll('script, img, iframe, svg, input:not([name=undo])').length]";

/// Returns descriptions that would run where they are interpreted as markup, as one line each.
fn descriptions() -> Vec<String> {
    let one_line = payloads(200).into_iter().map(|payload| {
        let text: String = payload.chars().filter(|c| !c.is_control()).collect();
        text.trim().to_owned()
    });
    let valid = one_line.filter(|text| !text.is_empty() && text.len() <= 256);
    valid.take(64).collect()
}

/// In the mails and on the pages, in a browser.
#[actix_web::test]
async fn payloads_in_descriptions_do_not_run() {
    let (browser, descriptions) = (Browser::start().await, descriptions());
    let mut shown = 0;
    let file = scratch("mail").join("mail.html");
    for descriptions in descriptions.chunks(8) {
        let inboxes = Inboxes::memory_with(settings);
        let (salver, url) = (&inboxes.salver, serve(&inboxes.salver));
        let check = async |page: &str, expected: &[String]| {
            browser.open(page).await;
            let found = browser.run(FOUND).await;
            assert!(found[0].is_null() && found[1] == 0, "{expected:?}: {found}");
            let text = browser.run("return document.body.innerText").await;
            let text = text
                .as_str()
                .unwrap()
                .split_whitespace()
                .collect::<String>();
            for description in expected {
                let description: String = description.split_whitespace().collect();
                assert!(text.contains(&description), "{description}: {text}");
            }
            expected.len()
        };
        let show = |html: &str| {
            std::fs::write(&file, html).unwrap();
            format!("file://{}", file.display())
        };
        // The first one is activated.
        let first = EDITS.subscription().described(&descriptions[0]);
        salver.subscribe(&eve(), first).await.unwrap();
        let letter = mails(salver).await.remove(0);
        let link = format!("{url}{}", path(letter.activation_url.as_ref().unwrap()));
        shown += check(&show(&letter.html), &descriptions[..1]).await;
        shown += check(&link, &descriptions[..1]).await;
        browser.click("button").await;
        assert!(browser.run(FOUND).await[0].is_null());
        // All match one event.
        let more = (1..descriptions.len()).map(|bits| {
            let filters = ["a", "b", "c"].into_iter().enumerate();
            let filters = filters.filter(|(place, _)| bits >> place & 1 == 1);
            let edits = Subscription::new("wiki.edit").described(&descriptions[bits]);
            filters.fold(edits, |edits, (_, name)| edits.filter(name, "1"))
        });
        subscribe(salver, more).await;
        let event =
            salver::events::Event::new("wiki.edit").message(salver::Message::info("Edited."));
        let event = ["a", "b", "c"]
            .into_iter()
            .fold(event, |event, name| event.filter(name, "1"));
        salver.publish(event).await.unwrap();
        let letter = mails(salver).await.remove(0);
        let link = format!("{url}{}", path(letter.unsubscribe_url.as_ref().unwrap()));
        shown += check(&show(&letter.html), descriptions).await;
        shown += check(&link, descriptions).await;
        let (_, done) = post(&link, "").await;
        shown += check(&show(&done), descriptions).await;
    }
    browser.quit().await;
    println!(
        "MAIL payloads_of_descriptions={} shown={shown} ran=0",
        descriptions.len()
    );
}
