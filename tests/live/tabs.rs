//! One stream for all tabs of a browser.

use std::time::{Duration, Instant};

use salver::Message;
use thirtyfour::WindowHandle;

use super::harness::{Harness, VIEWS};
use crate::support::{at, eventually};

const LEASE: Duration = Duration::from_secs(15);

/// Opens a page in a new tab, which becomes the visible one.
async fn open_tab(harness: &Harness, view: &str) -> WindowHandle {
    let tab = harness.browser.driver.new_tab().await.unwrap();
    switch_to(harness, &tab).await;
    harness.browser.open(&harness.at(view)).await;
    tab
}

async fn switch_to(harness: &Harness, tab: &WindowHandle) {
    let driver = &harness.browser.driver;
    driver.switch_to_window(tab.clone()).await.unwrap();
}

/// Returns whether the visible page shows a message.
async fn shows(harness: &Harness, id: &str) -> bool {
    let script = format!("return !!document.querySelector('[data-salver-id=\"{id}\"]')");
    harness.browser.run(&script).await == true
}

/// A browser opens six connections to a host over HTTP/1.1: seven streams would stop it.
#[actix_web::test]
async fn seven_tabs_of_seven_views_share_one_stream() {
    let mut harness = Harness::start(LEASE).await;
    harness.open(VIEWS[0]).await;
    let mut tabs = vec![harness.browser.driver.window().await.unwrap()];
    for view in &VIEWS[1..7] {
        tabs.push(open_tab(&harness, view).await);
    }
    let started = Instant::now();
    tabs.push(open_tab(&harness, VIEWS[7]).await);
    let elapsed = started.elapsed();
    println!("LIVE eighth_page_ms {}", elapsed.as_millis());
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
    for (view, tab) in VIEWS.into_iter().zip(&tabs) {
        // The tab is hidden: the message waits for another page of its view, then it is shown here.
        let (id, _) = harness.add(view).await;
        harness.wait_for("shown", &id).await;
        switch_to(&harness, tab).await;
        assert!(shows(&harness, &id).await, "{view}");
        // It is visible.
        let (id, _) = harness.add(view).await;
        harness.wait_for("shown", &id).await;
        assert!(shows(&harness, &id).await, "{view}");
        let (id, _) = harness.add("*").await;
        harness.wait_for("shown", &id).await;
        assert!(shows(&harness, &id).await, "any page: {view}");
    }
    harness.assert_each_shown_once("seven_tabs");
    harness.stop().await;
}

/// The stream takes no messages of a tab that was closed or whose process has ended: they wait for its
/// next page.
#[actix_web::test]
async fn stream_drops_views_of_tabs_that_are_gone() {
    let mut harness = Harness::start(LEASE).await;
    harness.open("a").await;
    let first = harness.browser.driver.window().await.unwrap();
    for (view, ends) in [("b", "closes"), ("c", "crashes")] {
        open_tab(&harness, view).await;
        let (id, _) = harness.add(view).await;
        harness.wait_for("shown", &id).await;
        match ends {
            "closes" => harness.browser.driver.close_window().await.unwrap(),
            _ => harness.browser.crash().await,
        }
        switch_to(&harness, &first).await;
        let context = at("ada", view);
        let job = harness.job.clone();
        eventually(&format!("the stream drops {view}"), async || {
            let message = Message::info("for the next page");
            let id = message.id();
            job.add(&context, message).await.unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
            // A message that the stream has claimed is not visible.
            let pending = job.peek(&context).await.unwrap();
            let is_left = pending.iter().any(|message| message.id() == id);
            is_left.then_some(())
        })
        .await;
        harness.open(view).await;
        harness.open("a").await;
    }
    let (id, _) = harness.add("a").await;
    harness.wait_for("shown", &id).await;
    harness.stop().await;
}

/// The tabs share the stream: a view that the server refuses must not end it.
#[actix_web::test]
async fn tab_with_a_wrong_view_ends_no_live_delivery() {
    let mut harness = Harness::start(LEASE).await;
    harness.open("a").await;
    let first = harness.browser.driver.window().await.unwrap();
    for wrong in ["''", "'x'.repeat(300)", "'*'"] {
        open_tab(&harness, "b").await;
        let set =
            format!("document.querySelector('salver-messages').setAttribute('view', {wrong})");
        harness.browser.run(&set).await;
        switch_to(&harness, &first).await;
        let (id, _) = harness.add("a").await;
        harness.wait_for("shown", &id).await;
    }
    harness.stop().await;
}

/// A tab whose form has only closed a dialog does not unload.
#[actix_web::test]
async fn message_after_a_closed_dialog_is_shown_at_once() {
    let mut harness = Harness::start(LEASE).await;
    harness.open("a").await;
    let close = "document.body.insertAdjacentHTML('beforeend', `<dialog open><form method=dialog><button>Close</button></form></dialog>`);
        document.querySelector('dialog button').click()";
    harness.browser.run(close).await;
    let (id, _) = harness.add("a").await;
    harness.wait_for("shown", &id).await;
    let carried = "return sessionStorage.getItem('salver-next')";
    assert!(harness.browser.run(carried).await.is_null());
    harness.stop().await;
}

/// A download fires the event of a page that unloads, and the page stays.
#[actix_web::test]
async fn page_that_only_seemed_to_unload_reloads_after_the_end_of_its_session() {
    let harness = Harness::start(LEASE).await;
    harness.open("a").await;
    // The time after which the page is known to stay passes at once.
    let download = "window.isSamePage = true;
        dispatchEvent(new Event('beforeunload'));
        const stream = document.querySelector('salver-messages');
        stream.reset();
        const now = performance.now.bind(performance);
        performance.now = () => now() + 30000";
    harness.browser.run(download).await;
    let is_same = "return window.isSamePage ?? false";
    eventually("the page reloads", async || {
        (harness.browser.run(is_same).await == false).then_some(())
    })
    .await;
    harness.stop().await;
}
