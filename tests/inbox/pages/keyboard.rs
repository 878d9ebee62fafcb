//! The page by keyboard alone.

use thirtyfour::{Key, TypingData};

use super::screens::{filled_site, named, open};
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::inbox_site::{InboxSite, Setup};

/// Numbers the elements that the keyboard should reach, in document order.
const NUMBER: &str = "
const reachable = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')];
const visible = reachable.filter((element) => element.checkVisibility());
visible.forEach((element, n) => { element.dataset.number = n; });
return visible.length;
";
/// Returns the number of the element with the focus, and whether its focus is visible.
const FOCUS: &str = "
const element = document.activeElement;
const { outlineStyle, outlineWidth } = getComputedStyle(element);
return [Number(element.dataset.number ?? -1), outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2];
";

async fn press(browser: &Browser, key: impl Into<TypingData>) {
    let element = browser.driver.active_element().await.unwrap();
    element.send_keys(key).await.unwrap();
}

/// Presses Tab until an element has the focus.
async fn tab_to(browser: &Browser, selector: &str) {
    let script = format!("return document.activeElement.matches('{selector}')");
    for _ in 0..60 {
        press(browser, Key::Tab).await;
        if browser.run(&script).await == true {
            return;
        }
    }
    panic!("Tab does not reach {selector}");
}

/// Point 7: the order of Tab is that of the document, each stop is visible, and there is no trap.
#[actix_web::test]
async fn tab_reaches_every_control_in_document_order() {
    let (site, browser) = (filled_site(Setup::default()).await, Browser::start().await);
    let paged = site.at("?tab=all&limit=2");
    for name in ["group-open", "filtered", "paged"] {
        match name {
            "paged" => browser.open(&paged).await,
            name => open(&browser, &site, named(name)).await,
        }
        let count = browser.run(NUMBER).await.as_u64().unwrap();
        assert!(count > 8, "{name}: {count}");
        let mut reached = Vec::new();
        // A date field has several parts with the focus.
        for _ in 0..4 * count {
            press(&browser, Key::Tab).await;
            let focus = browser.run(FOCUS).await;
            if focus[0] == -1 {
                break;
            }
            assert_eq!(focus[1], true, "{name}: no visible focus on {}", focus[0]);
            reached.push(focus[0].as_u64().unwrap());
        }
        reached.dedup();
        assert_eq!(reached, (0..count).collect::<Vec<_>>(), "{name}");
        // After the last control, Tab leaves the page.
        assert_eq!(browser.run(FOCUS).await[0], -1, "{name}");
    }
    assert_eq!(
        browser
            .run("return document.querySelectorAll('[tabindex]').length")
            .await,
        0
    );
    browser.quit().await;
}

/// Points 5 and 7: a group opens by Enter, and notifications are marked by Enter and by Space.
#[actix_web::test]
async fn keyboard_opens_a_group_and_marks_notifications() {
    let (site, browser) = (filled_site(Setup::default()).await, Browser::start().await);
    open(&browser, &site, named("all")).await;
    let unread = async |site: &InboxSite| {
        let content = site.content("ada").await;
        content.iter().filter(|(.., unread)| *unread).count()
    };
    let before = unread(&site).await;
    let is_open = "return document.querySelector('.salver-inbox-list details').open";
    tab_to(&browser, ".salver-inbox-list summary").await;
    assert_eq!(browser.run(is_open).await, false);
    press(&browser, Key::Enter).await;
    assert_eq!(browser.run(is_open).await, true);

    for (key, left) in [(Key::Enter, before - 1), (Key::Space, before - 2)] {
        open(&browser, &site, named("all")).await;
        let row = "li:not(.salver-inbox-group, li li) > form > button[value=read]";
        tab_to(&browser, row).await;
        press(&browser, key).await;
        eventually("the notification is marked", async || {
            (unread(&site).await == left).then_some(())
        })
        .await;
        browser.shows(&["1 notification marked as read."]).await;
    }
    // No key but those of the focused control does anything.
    let page = browser.run("return document.body.innerHTML").await;
    for key in ["j", "k", "e", "r", "x", "#", "?"] {
        press(&browser, key).await;
    }
    assert_eq!(browser.run("return document.body.innerHTML").await, page);
    assert_eq!(unread(&site).await, before - 2);
    browser.quit().await;
}
