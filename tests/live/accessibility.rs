//! How toasts look, and how they are used without a mouse.

use serde_json::json;
use thirtyfour::prelude::*;

use crate::pages::{fill_the_dashboard, leave_here};
use crate::support::app::{Dashboard, listening};
use crate::support::browser::Browser;
use crate::support::eventually;

async fn shows(browser: &Browser, count: usize) {
    eventually(&format!("{count} messages"), async || {
        (browser.messages().await.len() == count).then_some(())
    })
    .await;
}

/// Waits until the page listens.
async fn listens(browser: &Browser) {
    eventually("the page listens", async || {
        let script = "return navigator.locks.query().then(({ held }) => held.length)";
        (browser.run(script).await == 1).then_some(())
    })
    .await;
}

async fn open(browser: &Browser, dashboard: &Dashboard) {
    browser.open(&dashboard.at("/uploads")).await;
    leave_here(
        browser,
        json!({ "text": "makes the session", "view": "uploads" }),
    )
    .await;
    browser.open(&dashboard.at("/dashboard")).await;
}

#[tokio::test]
async fn toasts_look_right_and_are_accessible() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    let (mut pictures, mut lowest) = (0, f64::INFINITY);
    for (scheme, dark) in [("light", false), ("dark", true)] {
        browser.dark(dark).await;
        for (size, width) in [("phone", 390), ("desk", 1280)] {
            browser.width(width).await;
            for direction in ["ltr", "rtl"] {
                open(&browser, &dashboard).await;
                browser.run(&format!("document.dir = '{direction}'")).await;
                fill_the_dashboard(&browser).await;
                shows(&browser, 5).await;
                browser
                    .picture(&format!("toasts-{scheme}-{size}-{direction}"))
                    .await;
                let sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
                assert_eq!(browser.run(sideways).await, 0, "{size} {direction}");
                let (violations, contrast) = browser.axe().await;
                assert!(
                    violations.is_empty(),
                    "{scheme} {size} {direction}: {violations:#?}"
                );
                assert!(contrast >= 4.5, "{contrast}");
                lowest = lowest.min(contrast);
                pictures += 1;
            }
        }
    }
    println!("LIVE axe_violations 0 pictures={pictures} lowest_contrast={lowest}");
    browser.quit().await;
}

#[tokio::test]
async fn toasts_are_used_by_the_keyboard_alone() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    open(&browser, &dashboard).await;
    for n in 0..4 {
        leave_here(
            &browser,
            json!({ "text": n.to_string(), "level": "error", "view": "dashboard" }),
        )
        .await;
    }
    shows(&browser, 4).await;
    let key = async |key: Key| {
        let body = browser.driver.active_element().await.unwrap();
        body.send_keys(key + "").await.unwrap();
    };
    // Whoever is not in the messages closes the last one.
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
    // The focus goes on to the next one, and is not lost.
    key(Key::Escape).await;
    assert_eq!(browser.messages().await, ["2"]);
    key(Key::Space).await;
    assert_eq!(browser.messages().await, [""; 0]);
    println!("LIVE keyboard closed=4");
    browser.quit().await;
}

/// What closes by itself waits for whoever points at it or is in it; errors stay.
#[tokio::test]
async fn messages_close_by_themselves_when_nobody_needs_them() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    open(&browser, &dashboard).await;
    for (level, text) in [("info", "goes"), ("error", "stays")] {
        let fields =
            json!({ "text": text, "level": level, "autoclose": "600", "view": "dashboard" });
        leave_here(&browser, fields).await;
    }
    shows(&browser, 2).await;
    browser
        .run("document.querySelector('.salver-close').focus()")
        .await;
    let waited = "const done = arguments[0]; setTimeout(() => done(document.querySelectorAll('.salver-message').length), 1500);";
    let waiting = browser
        .driver
        .execute_async(waited, Vec::new())
        .await
        .unwrap();
    assert_eq!(*waiting.json(), 2, "somebody is in it");
    browser.run("document.activeElement.blur()").await;
    shows(&browser, 1).await;
    assert_eq!(browser.messages().await, ["stays"]);
    browser.quit().await;
}

/// A later message takes the place of the one with its tag, and assistive technology hears of each once.
#[tokio::test]
async fn a_tag_updates_in_place_and_each_is_read_out_once() {
    let (dashboard, browser) = (Dashboard::start(None), Browser::start().await);
    open(&browser, &dashboard).await;
    listens(&browser).await;
    browser
        .run(
            "window.spoken = []; for (const voice of document.querySelectorAll('[aria-live]')) \
             new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => \
             spoken.push(voice.getAttribute('aria-live') + ' ' + node.textContent)))).observe(voice, { childList: true });",
        )
        .await;
    for (text, tag, level) in [
        ("10 %", "import", "info"),
        ("other", "", "error"),
        ("90 %", "import", "info"),
    ] {
        leave_here(
            &browser,
            json!({ "text": text, "tag": tag, "level": level, "view": "dashboard" }),
        )
        .await;
        eventually("it is there", async || {
            let messages = browser.messages().await;
            messages.contains(&text.to_owned()).then_some(())
        })
        .await;
    }
    assert_eq!(browser.messages().await, ["90 %", "other"]);
    let expected = json!(["polite 10 %", "assertive other", "polite 90 %"]);
    eventually("all is read out", async || {
        (browser.run("return spoken").await == expected).then_some(())
    })
    .await;
    browser.quit().await;
}

/// The other examples with open pages.
#[tokio::test]
async fn the_examples_tell_an_open_page() {
    for (name, path, text) in [
        ("tera", "/exports", "The icons are exported. <b>"),
        ("maud", "/", "Somebody is at the door. <b>"),
    ] {
        let (url, _process) = listening(name, path).await;
        let browser = Browser::start().await;
        browser.open(&url).await;
        listens(&browser).await;
        browser
            .run("document.querySelector('form button').click()")
            .await;
        eventually("the open page says so", async || {
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
