//! What the mails and pages of subscriptions look like. The screenshots are under `target/screenshots`.

use salver::Message;
use salver::events::Subscription;
use salver::mail::Letter;

use super::{EDITS, edit, eve, mails, settings, subscribe};
use crate::support::browser::Browser;
use crate::support::inboxes::Inboxes;
use crate::support::mail_pages::{path, serve};
use crate::support::processes::scratch;

/// A word that is longer than a telephone is wide, and a text from right to left.
fn described() -> [Subscription; 2] {
    let long = EDITS.subscription().filter("language", "de");
    [
        long.described("x".repeat(256)),
        EDITS.subscription().described("עריכות בעברית (he)"),
    ]
}

/// Writes a mail into a file. Returns its address.
fn file(name: &str, letter: &Letter) -> String {
    let file = scratch("mail").join(format!("{name}.html"));
    std::fs::write(&file, &letter.html).unwrap();
    format!("file://{}", file.display())
}

#[actix_web::test]
async fn mails_and_pages_of_subscriptions_fit_a_phone_in_light_and_dark() {
    let inboxes = Inboxes::memory_with(settings);
    let (salver, url) = (&inboxes.salver, serve(&inboxes.salver));
    let page = |link: &Option<String>| format!("{url}{}", path(link.as_ref().unwrap()));
    let [long, hebrew] = described();
    salver.subscribe(&eve(), long.clone()).await.unwrap();
    let asked = mails(salver).await.remove(0);
    let browser = Browser::start().await;
    let mut screens = 0;
    screens += check(&browser, "ask", &page(&asked.activation_url)).await;
    screens += check(&browser, "activation", &file("activation", &asked)).await;
    subscribe(salver, [hebrew, long]).await;
    let text = Message::info("Ada has changed 3 lines.").title("Ports");
    let event = edit("de").message(text.action("See it", "/revisions/7"));
    salver.publish(event).await.unwrap();
    let letter = mails(salver).await.remove(0);
    screens += check(&browser, "end", &page(&letter.unsubscribe_url)).await;
    screens += check(&browser, "of-event", &file("of-event", &letter)).await;
    browser.quit().await;
    println!("MAIL subscription_screens={screens} axe_violations=0");
}

async fn check(browser: &Browser, name: &str, address: &str) -> usize {
    browser.open(address).await;
    browser.check(&format!("subscriptions-{name}")).await
}
