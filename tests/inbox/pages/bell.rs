//! The bell in a real Chromium: its name, its announcements, and its look.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::accessibility_tree::accessibility_tree;
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::inbox_site::{InboxSite, Setup, graph};

/// Waits until the bell shows a text.
async fn shows(browser: &Browser, text: &str) {
    eventually(&format!("the bell shows {text:?}"), async || {
        let shown = "return document.querySelector('salver-bell').textContent";
        (browser.run(shown).await == text).then_some(())
    })
    .await;
}

/// Opens a page with a bell as Ada.
async fn open(site: &InboxSite) -> Browser {
    let browser = Browser::start().await;
    browser.open(&site.login_of("ada")).await;
    browser.open(&format!("{}/home", site.url)).await;
    browser
}

/// Points 1 and 2: the number is part of the name of the link, shown up to 99, announced exactly; the element
/// is empty without unread ones. Screenshots are under `target/screenshots`.
#[actix_web::test]
async fn bell_is_part_of_the_name_of_its_link() {
    let site = InboxSite::start(Setup::default());
    let browser = open(&site).await;
    let empty = "return document.querySelector('salver-bell').childNodes.length";
    assert_eq!(browser.run(empty).await, 0);
    for (count, shown, name) in [
        (1, "11 unread", "1 unread"),
        (120, "99+120 unread", "120 unread"),
    ] {
        let inbox = site.ids("ada", salver::InboxFilter::all()).await.len();
        for n in inbox..count {
            site.notify("ada", graph(&n.to_string())).await;
        }
        shows(&browser, shown).await;
        let tree = accessibility_tree(&browser).await;
        assert!(
            tree.contains(&format!("link \"Notifications {name}\"")),
            "{tree}"
        );
        let (violations, contrast) = browser.axe().await;
        assert_eq!(violations, [""; 0]);
        assert!(contrast >= 4.5, "{contrast}");
        let size = "const { width, height } = document.querySelector('.salver-bell-count').getBoundingClientRect();
            return Math.min(width, height)";
        assert!(browser.run(size).await.as_f64().unwrap() >= 18.0);
        browser.picture(&format!("bell-{count}")).await;
        browser.open(&format!("{}/home", site.url)).await;
    }
    println!("INBOX bell axe_violations=0");
    browser.quit().await;
}

/// Point 2: one polite live region outside of the link, with at most one announcement in 10 seconds, and
/// none when the number falls. The focus and the title stay.
#[actix_web::test]
async fn rising_number_is_announced_at_most_once_in_ten_seconds() {
    let site = InboxSite::start(Setup::default());
    let browser = open(&site).await;
    let observe = "document.querySelector('a').focus();
        window.announced = [];
        new MutationObserver((records) => {
          for (const { target } of records) {
            const region = target.closest?.('[aria-live]');
            if (region?.textContent) announced.push({ at: performance.now(), text: region.textContent, live: region.ariaLive, inLink: !!region.closest('a') });
          }
        }).observe(document.body, { childList: true, subtree: true, characterData: true });";
    browser.run(observe).await;
    for n in 1..=6 {
        site.notify("ada", graph(&n.to_string())).await;
        tokio::time::sleep(Duration::from_millis(2_200)).await;
    }
    shows(&browser, "66 unread").await;
    eventually("the last number is announced", async || {
        let last = browser.run("return announced.at(-1)?.text ?? null").await;
        (last == "6 unread").then_some(())
    })
    .await;
    let announced = browser.run("return announced").await;
    let announced = announced.as_array().unwrap();
    let times: Vec<_> = announced
        .iter()
        .map(|one| one["at"].as_f64().unwrap())
        .collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("INBOX announcements={} gaps_ms={gaps:?}", times.len());
    assert!(times.len() >= 2, "{announced:?}");
    assert!(gaps.iter().all(|gap| *gap >= 9_900.0), "{announced:?}");
    for one in announced {
        assert_eq!(
            (&one["live"], &one["inLink"]),
            (&json!("polite"), &json!(false))
        );
    }
    let state = "return [document.title, document.activeElement.localName]";
    assert_eq!(browser.run(state).await, json!(["Home", "a"]));
    // Read elsewhere: the number falls, and nothing is announced.
    let before = announced.len();
    let inbox = site.salver.inbox(&salver::Recipient::user("ada"));
    let all = salver::InboxFilter::all();
    inbox.mark(&all, salver::ReadState::Read).await.unwrap();
    shows(&browser, "").await;
    let after = browser.run("return announced.length").await;
    assert_eq!(after, Value::from(before));
    browser.quit().await;
}
