//! The list of an open page in a real Chromium, with its script.

use salver::{InboxFilter, Message, Notification, ReadState, Recipient};
use serde_json::json;
use thirtyfour::By;

use super::reading::rows;
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::inbox_site::{InboxSite, Setup, graph, head_with_script};

fn note(text: &str) -> Notification {
    Notification::new("test", Message::info(text)).subject(text)
}

async fn open(setup: Setup, texts: &[&str]) -> (InboxSite, Browser) {
    let site = InboxSite::start(Setup {
        head: Some(head_with_script()),
        ..setup
    });
    for text in texts {
        site.notify("ada", note(text)).await;
    }
    let browser = Browser::start().await;
    browser.open(&site.login_of("ada")).await;
    browser.open(&site.at("?tab=all")).await;
    browser.run("window.isSamePage = true").await;
    (site, browser)
}

async fn shows(browser: &Browser, expected: &[&str]) {
    eventually(&format!("the list is {expected:?}"), async || {
        (rows(browser).await == expected).then_some(())
    })
    .await;
    assert_eq!(browser.run("return window.isSamePage").await, true);
}

const FOCUS: &str = "const { localName, textContent, value } = document.activeElement; return [localName, value || textContent]";

/// Point 8: new rows appear at the top, unless the focus is in the list. Then a button offers them.
#[actix_web::test]
async fn rows_do_not_move_under_the_focus() {
    let (site, browser) = open(Setup::default(), &["one"]).await;
    site.notify("ada", note("two")).await;
    shows(&browser, &["two", "one"]).await;
    browser
        .run("document.querySelector('.salver-inbox-list button').focus()")
        .await;
    site.notify("ada", note("three")).await;
    let offer = "return document.querySelector('.salver-inbox-new')?.textContent ?? null";
    eventually("the new row is offered", async || {
        (browser.run(offer).await == "Show 1 new").then_some(())
    })
    .await;
    assert_eq!(rows(&browser).await, ["two", "one"]);
    browser.press(".salver-inbox-new").await;
    shows(&browser, &["three", "two", "one"]).await;
    // What is typed into the filter stays.
    browser
        .run("document.querySelector('.salver-inbox-filter').open = true")
        .await;
    browser.fill("text", "typed").await;
    site.notify("ada", note("four")).await;
    shows(&browser, &["four", "three", "two", "one"]).await;
    assert_eq!(browser.run(FOCUS).await, json!(["input", "typed"]));
    browser.quit().await;
}

/// The script uses only the list of the page that it requests: a message in its slot would be lost.
#[actix_web::test]
async fn list_that_is_loaded_again_takes_no_message() {
    let (site, browser) = open(Setup::default(), &["one"]).await;
    let save =
        "return fetch('/any', { method: 'POST', body: 'Saved.' }).then(({ status }) => status)";
    assert_eq!(browser.run(save).await, 200);
    site.notify("ada", note("two")).await;
    shows(&browser, &["two", "one"]).await;
    browser
        .open(&site.at("").replace("/salver/inbox", "/home"))
        .await;
    browser.shows(&["Saved."]).await;
    browser.quit().await;
}

/// A list that a script of the site has removed receives no events of the window.
#[actix_web::test]
async fn removed_list_does_not_react_to_pointers() {
    let (_site, browser) = open(Setup::default(), &["one"]).await;
    let release = "const done = arguments[0];
        const list = document.querySelector('salver-inbox');
        const parent = list.parentNode;
        const releases = (then) => {
            list.isPressed = true;
            dispatchEvent(new Event('pointerup'));
            setTimeout(() => then(!list.isPressed), 50);
        };
        list.remove();
        releases((removed) => {
            parent.append(list);
            releases((shown) => done([removed, shown]));
        });";
    let reacts = browser.driver.execute_async(release, Vec::new()).await;
    assert_eq!(reacts.unwrap().json(), &json!([false, true]));
    browser.quit().await;
}

/// A click is a press and a release on one button: the list is not replaced in between.
#[actix_web::test]
async fn list_waits_while_a_pointer_is_pressed_on_it() {
    let (site, browser) = open(Setup::default(), &["one", "two"]).await;
    let archive = ".salver-inbox-list .salver-inbox-row:first-child button[value=archive]";
    let button = browser.driver.find(By::Css(archive)).await.unwrap();
    let pressed = browser
        .driver
        .action_chain()
        .click_and_hold_element(&button);
    pressed.perform().await.unwrap();
    // In another process. The list would be replaced.
    let other = InboxFilter::all().subject("one");
    let inbox = site.salver.inbox(&Recipient::user("ada"));
    inbox.mark(&other, ReadState::Read).await.unwrap();
    let is_stale = "return document.querySelector('salver-inbox').isStale";
    eventually("the list has to be loaded again", async || {
        (browser.run(is_stale).await == true).then_some(())
    })
    .await;
    // A timer that is later than that of the list.
    let later = "const done = arguments[0];
        setTimeout(() => done(document.querySelector('salver-inbox').isStale), 100);";
    let later = browser.driver.execute_async(later, Vec::new()).await;
    assert_eq!(*later.unwrap().json(), true);
    let released = browser.driver.action_chain().release();
    released.perform().await.unwrap();
    shows(&browser, &["one"]).await;
    browser.quit().await;
}

/// Point 6: a button acts in place, and the focus moves to the next row, at last to the heading.
#[actix_web::test]
async fn buttons_act_in_place_and_the_focus_moves_on() {
    let (_site, browser) = open(Setup::default(), &["one", "two"]).await;
    let archive = ".salver-inbox-list .salver-inbox-row:first-child button[value=archive]";
    browser.press(archive).await;
    shows(&browser, &["one"]).await;
    let status = "return document.querySelector('.salver-inbox-status').textContent";
    eventually("the status announces it", async || {
        (browser.run(status).await == "1 notification archived. Undo").then_some(())
    })
    .await;
    let in_row =
        "return document.querySelector('.salver-inbox-row').contains(document.activeElement)";
    assert_eq!(browser.run(in_row).await, true);
    browser.press(".salver-inbox-status button").await;
    shows(&browser, &["two", "one"]).await;
    for rest in [&["one"][..], &[]] {
        browser.press(archive).await;
        shows(&browser, rest).await;
    }
    assert_eq!(browser.run(FOCUS).await, json!(["h1", "Notifications"]));
    browser.quit().await;
}

/// What was unread is unread again, and nothing else.
#[actix_web::test]
async fn undo_restores_what_was_unread() {
    let (site, browser) = open(Setup::default(), &["one"]).await;
    site.notify("ada", note("group").group("group")).await;
    let inbox = site.salver.inbox(&Recipient::user("ada"));
    let group = InboxFilter::all().subject("group");
    inbox.mark(&group, ReadState::Read).await.unwrap();
    for _ in 0..2 {
        site.notify("ada", note("group").group("group")).await;
    }
    let unread = site.ids("ada", InboxFilter::unread()).await;
    let unread_are = async |expected: &[String]| {
        eventually("what is unread is as expected", async || {
            (site.ids("ada", InboxFilter::unread()).await == expected).then_some(())
        })
        .await;
    };
    let group = ".salver-inbox-group > form";
    let single = ".salver-inbox > .salver-inbox-list > .salver-inbox-row:last-child > form";
    for (tab, form, change, rest) in [
        ("all", group, "read", &unread[2..]),
        ("all", group, "archive", &unread[2..]),
        ("unread", group, "archive", &unread[2..]),
        ("unread", single, "archive", &unread[..2]),
    ] {
        browser.open(&site.at(&format!("?tab={tab}"))).await;
        browser.press(&format!("{form} [value={change}]")).await;
        unread_are(rest).await;
        let undo = By::Css(".salver-inbox-status button");
        let undo = eventually("the change can be undone", async || {
            browser.driver.find(undo.clone()).await.ok()
        })
        .await;
        undo.click().await.unwrap();
        unread_are(&unread).await;
    }
    let archived = site.ids("ada", InboxFilter::archived()).await;
    assert_eq!(archived, [""; 0]);
    browser.quit().await;
}

/// Points 4 and 5: what a visible page shows is seen; a group that is opened is read.
#[actix_web::test]
async fn visible_page_marks_as_seen_and_opened_group_as_read() {
    let (site, browser) = open(Setup::default(), &[]).await;
    for name in ["a", "b"] {
        site.notify("ada", graph(name).group("graphs")).await;
    }
    let counts = async || {
        let inbox = site.salver.inbox(&Recipient::user("ada"));
        let counts = inbox.counts().await.unwrap();
        (counts.unseen, counts.unread)
    };
    eventually("both are seen", async || {
        (counts().await == (0, 2)).then_some(())
    })
    .await;
    browser.press(".salver-inbox-group summary").await;
    eventually("both are read", async || {
        (counts().await == (0, 0)).then_some(())
    })
    .await;
    let unread = "return document.querySelectorAll('.salver-inbox-unread').length";
    eventually("the list shows it", async || {
        (browser.run(unread).await == 0).then_some(())
    })
    .await;
    let state = "return [document.querySelector('details.salver-inbox-filter ~ ul details, .salver-inbox-group details').open,
        document.activeElement.localName]";
    assert_eq!(browser.run(state).await, json!([true, "summary"]));
    assert_eq!(site.ids("ada", InboxFilter::unread()).await, [""; 0]);
    browser.quit().await;
}
