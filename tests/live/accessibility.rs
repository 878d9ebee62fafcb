//! Toasts: layout, accessibility, and use by keyboard.

use serde_json::json;
use thirtyfour::prelude::*;

use crate::support::browser::{Browser, add_by_script, add_message_of_each_level};
use crate::support::eventually;
use crate::support::example_programs::{Dashboard, start_example};

async fn wait_for_messages(browser: &Browser, count: usize) {
    eventually(&format!("{count} messages"), async || {
        (browser.messages().await.len() == count).then_some(())
    })
    .await;
}

async fn open(browser: &Browser, dashboard: &Dashboard) {
    browser.open(&dashboard.at("/uploads")).await;
    add_by_script(
        browser,
        json!({ "text": "creates the session", "view": "uploads" }),
    )
    .await;
    browser.open(&dashboard.at("/dashboard")).await;
}

#[tokio::test]
async fn toasts_pass_axe_in_all_layouts() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    let (mut screenshots, mut lowest_contrast) = (0, f64::INFINITY);
    for (scheme, dark) in [("light", false), ("dark", true)] {
        browser.dark(dark).await;
        for (size, width) in [("phone", 390), ("desktop", 1280)] {
            browser.width(width).await;
            for direction in ["ltr", "rtl"] {
                open(&browser, &dashboard).await;
                browser.run(&format!("document.dir = '{direction}'")).await;
                add_message_of_each_level(&browser).await;
                wait_for_messages(&browser, 5).await;
                browser
                    .picture(&format!("toasts-{scheme}-{size}-{direction}"))
                    .await;
                let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
                assert_eq!(browser.run(overflow).await, 0, "{size} {direction}");
                let (violations, contrast) = browser.axe().await;
                assert!(
                    violations.is_empty(),
                    "{scheme} {size} {direction}: {violations:#?}"
                );
                assert!(contrast >= 4.5, "{contrast}");
                lowest_contrast = lowest_contrast.min(contrast);
                screenshots += 1;
            }
        }
    }
    println!("LIVE axe_violations 0 screenshots={screenshots} lowest_contrast={lowest_contrast}");
    browser.quit().await;
}

#[tokio::test]
async fn toasts_are_closed_by_keyboard() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    open(&browser, &dashboard).await;
    for n in 0..4 {
        add_by_script(
            &browser,
            json!({ "text": n.to_string(), "level": "error", "view": "dashboard" }),
        )
        .await;
    }
    wait_for_messages(&browser, 4).await;
    let key = async |key: Key| {
        let body = browser.driver.active_element().await.unwrap();
        body.send_keys(key + "").await.unwrap();
    };
    // While the focus is outside of the messages, Escape closes the last one.
    key(Key::Escape).await;
    assert_eq!(browser.messages().await, ["0", "1", "2"]);
    for _ in 0..20 {
        key(Key::Tab).await;
        let focused = "return document.activeElement.className";
        if browser.run(focused).await == "salver-close" {
            break;
        }
    }
    let name = "return document.activeElement.getAttribute('aria-label')";
    assert_eq!(browser.run(name).await, "Close");
    key(Key::Enter).await;
    assert_eq!(browser.messages().await, ["1", "2"]);
    // The focus moves to the next message.
    key(Key::Escape).await;
    assert_eq!(browser.messages().await, ["2"]);
    key(Key::Space).await;
    assert_eq!(browser.messages().await, [""; 0]);
    println!("LIVE keyboard closed=4");
    browser.quit().await;
}

/// The autoclose timer pauses while a message is hovered or has the focus. Errors stay open.
#[tokio::test]
async fn autoclose_pauses_on_focus_and_skips_errors() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    open(&browser, &dashboard).await;
    for (level, text) in [("info", "closes"), ("error", "stays")] {
        let fields =
            json!({ "text": text, "level": level, "autoclose": "600", "view": "dashboard" });
        add_by_script(&browser, fields).await;
    }
    wait_for_messages(&browser, 2).await;
    browser
        .run("document.querySelector('.salver-close').focus()")
        .await;
    let count_later = "const done = arguments[0]; setTimeout(() => done(document.querySelectorAll('.salver-message').length), 1500);";
    let count = browser
        .driver
        .execute_async(count_later, Vec::new())
        .await
        .unwrap();
    assert_eq!(*count.json(), 2, "the focus pauses the timer");
    browser.run("document.activeElement.blur()").await;
    wait_for_messages(&browser, 1).await;
    assert_eq!(browser.messages().await, ["stays"]);
    browser.quit().await;
}

/// A message replaces the earlier one with its tag, and each message is announced once.
#[tokio::test]
async fn same_tag_replaces_message_and_each_is_announced_once() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    open(&browser, &dashboard).await;
    browser.wait_for_stream().await;
    browser
        .run(
            "window.announced = []; for (const region of document.querySelectorAll('[aria-live]')) \
             new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => \
             announced.push(region.getAttribute('aria-live') + ' ' + node.textContent)))).observe(region, { childList: true });",
        )
        .await;
    for (text, tag, level) in [
        ("10 %", "import", "info"),
        ("other", "", "error"),
        ("90 %", "import", "info"),
    ] {
        add_by_script(
            &browser,
            json!({ "text": text, "tag": tag, "level": level, "view": "dashboard" }),
        )
        .await;
        eventually("the message is shown", async || {
            let messages = browser.messages().await;
            messages.contains(&text.to_owned()).then_some(())
        })
        .await;
    }
    assert_eq!(browser.messages().await, ["90 %", "other"]);
    let expected = json!([
        "polite Info: 10 %",
        "assertive Error: other",
        "polite Info: 90 %"
    ]);
    eventually("all messages are announced", async || {
        (browser.run("return announced").await == expected).then_some(())
    })
    .await;
    browser.quit().await;
}

/// The other examples that serve a stream.
#[tokio::test]
async fn examples_show_messages_on_open_pages() {
    for (name, path, text) in [
        ("tera", "/exports", "The icons are exported. <b>"),
        ("maud", "/", "A visitor is at the door. <b>"),
    ] {
        let (url, _process) = start_example(name, path).await;
        let browser = Browser::start().await;
        browser.open(&url).await;
        browser.wait_for_stream().await;
        browser
            .run("document.querySelector('form button').click()")
            .await;
        eventually("the open page shows the message", async || {
            (browser.messages().await == [text]).then_some(())
        })
        .await;
        let (violations, _) = browser.axe().await;
        assert!(violations.is_empty(), "{name}: {violations:#?}");
        browser.picture(&format!("example-{name}")).await;
        println!("LIVE example={name} shown=1 axe_violations=0");
        browser.quit().await;
    }
}
