//! What the mails and pages of subscriptions look like. The screenshots are under `target/screenshots`.

use salver::Message;
use salver::events::Subscription;

use super::{EDITS, all, ask, edit, german, mails, settings, subscribe};
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

#[actix_web::test]
async fn mails_and_pages_of_subscriptions_fit_a_phone_in_light_and_dark() {
    let inboxes = Inboxes::memory_with(settings);
    let (salver, url) = (&inboxes.salver, serve(&inboxes.salver));
    salver.subscribe(&super::eve(), german()).await.unwrap();
    let activation = mails(salver).await.remove(0);
    let [long, hebrew] = described();
    inboxes.advance(super::DAY);
    let link = ask(salver, long.clone()).await;
    let ask_page = format!("{url}{}", path(&link));
    subscribe(salver, [hebrew, all().filter("language", "de")]).await;
    let text = Message::info("Ada has changed 3 lines.").title("Ports");
    let event = edit("de").message(text.action("See it", "/revisions/7"));
    salver.publish(event).await.unwrap();
    let letter = mails(salver).await.remove(0);
    let end_page = format!("{url}{}", path(letter.unsubscribe_url.as_ref().unwrap()));
    let mut screens = vec![("activate-long", ask_page), ("end-several", end_page)];
    for (name, html) in [("activation", &activation.html), ("of-event", &letter.html)] {
        let file = scratch("mail").join(format!("{name}.html"));
        std::fs::write(&file, html).unwrap();
        screens.push((name, format!("file://{}", file.display())));
    }
    let browser = Browser::start().await;
    for (name, page) in &screens {
        browser.open(page).await;
        for (appearance, dark, width) in [
            ("light", false, 640),
            ("dark", true, 640),
            ("phone", false, 320),
        ] {
            browser.dark(dark).await;
            browser.width(width).await;
            let wide = "return document.documentElement.scrollWidth";
            let wide = browser.run(wide).await.as_u64().unwrap();
            assert!(wide <= u64::from(width), "{name} {appearance}: {wide}");
            let (violations, contrast) = browser.axe().await;
            assert!(
                violations.is_empty() && contrast >= 4.5,
                "{name} {appearance}: {contrast} {violations:?}"
            );
            let picture = format!("subscriptions-{name}-{appearance}");
            browser.picture(&picture).await;
        }
    }
    browser.quit().await;
    println!(
        "MAIL subscription_screens={} axe_violations=0",
        screens.len() * 3
    );
}
