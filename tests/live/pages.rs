//! Open pages in a real Chromium: each message is shown once, on one of them.

use std::time::Duration;

use super::harness::Harness;
use crate::support::profile::by_profile;
use crate::support::{at, eventually};

const LEASE: Duration = Duration::from_secs(15);
/// Returns how often a test repeats its scenario.
fn repetitions() -> usize {
    by_profile(2, 50)
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[((last as f64) * share).round() as usize]
}

/// A job adds a message while its page is open: a toast appears immediately, and only once.
#[actix_web::test]
async fn toast_appears_on_open_page_and_not_after_reload() {
    let mut harness = Harness::start(LEASE).await;
    harness.open("a").await;
    let mut delays = Vec::new();
    let count = by_profile(200, 1_000);
    for _ in 0..count {
        let (id, started_at) = harness.add("a").await;
        delays.push(harness.wait_for("painted", &id).await.at - started_at);
    }
    delays.sort_by(f64::total_cmp);
    let (p50, p99) = (percentile(&delays, 0.5), percentile(&delays, 0.99));
    println!("LIVE toast_p50_ms {p50:.1}");
    println!("LIVE toast_p99_ms {p99:.1}");
    harness.browser.driver.refresh().await.unwrap();
    harness.wait_for_stream().await;
    assert_eq!(
        harness.browser.messages().await,
        [""; 0],
        "a reload shows nothing"
    );
    let (id, _) = harness.add("a").await;
    harness.wait_for("shown", &id).await;
    harness.assert_each_shown_once("toast");
    harness.stop().await;
}

/// Two to eight tabs of one view: each message is shown in one tab, the visible one.
#[actix_web::test]
async fn one_visible_tab_shows_each_message() {
    let mut harness = Harness::start(LEASE).await;
    for tabs in 2..=8 {
        for _ in 0..repetitions() {
            let first = harness.browser.driver.window().await.unwrap();
            harness.open("a").await;
            let mut others = Vec::new();
            for _ in 1..tabs {
                let tab = harness.browser.driver.new_tab().await.unwrap();
                harness
                    .browser
                    .driver
                    .switch_to_window(tab.clone())
                    .await
                    .unwrap();
                harness.open("a").await;
                others.push(tab);
            }
            for visible in [&first, &others[0]] {
                harness
                    .browser
                    .driver
                    .switch_to_window(visible.clone())
                    .await
                    .unwrap();
                let (id, _) = harness.add("a").await;
                harness.wait_for("shown", &id).await;
                let state = "return document.visibilityState";
                assert_eq!(harness.browser.run(state).await, "visible");
                let script =
                    format!("return !!document.querySelector('[data-salver-id=\"{id}\"]')");
                assert_eq!(
                    harness.browser.run(&script).await,
                    true,
                    "the visible tab shows it"
                );
            }
            for tab in others {
                harness.browser.driver.switch_to_window(tab).await.unwrap();
                harness.browser.driver.close_window().await.unwrap();
            }
            harness
                .browser
                .driver
                .switch_to_window(first)
                .await
                .unwrap();
            // The first tab opens the stream again.
            harness.open("a").await;
            let (id, _) = harness.add("a").await;
            harness.wait_for("shown", &id).await;
        }
    }
    harness.assert_each_shown_once("tabs");
    harness.stop().await;
}

/// Back and forward: restored pages no longer contain shown messages, and reopen their stream.
#[actix_web::test]
async fn restored_pages_show_no_duplicates_and_reopen_stream() {
    let mut harness = Harness::start(LEASE).await;
    harness.open("a").await;
    let (id, _) = harness.add("a").await;
    harness.wait_for("shown", &id).await;
    for n in 0..repetitions() {
        // One message that is rendered with the page, and one toast.
        harness.add("b").await;
        harness
            .browser
            .run("document.querySelector('a[href=\"/b\"]').click()")
            .await;
        eventually("page b is open", async || {
            let title = harness.browser.driver.title().await.ok()?;
            (title == "b").then_some(())
        })
        .await;
        harness.wait_for_stream().await;
        let (id, _) = harness.add("b").await;
        harness.wait_for("shown", &id).await;
        for (go, title) in [("back", "a"), ("forward", "b"), ("back", "a")] {
            let before = restored(&harness);
            harness.browser.run(&format!("history.{go}()")).await;
            eventually(
                &format!("{title} is restored, repetition {n}"),
                async || (restored(&harness) > before).then_some(()),
            )
            .await;
            assert_eq!(harness.browser.messages().await, [""; 0]);
            harness.wait_for_stream().await;
            let (id, _) = harness.add(title).await;
            harness.wait_for("shown", &id).await;
        }
    }
    println!("LIVE restored {}", restored(&harness));
    harness.assert_each_shown_once("back_forward");
    harness.stop().await;
}

/// Returns the number of pages that were restored from the back/forward cache.
fn restored(harness: &Harness) -> usize {
    let events = harness.events.lock().unwrap();
    events
        .iter()
        .filter(|event| event.kind == "page" && event.persisted)
        .count()
}

/// Messages that are added while the page is unreachable appear as soon as it is reachable.
#[actix_web::test]
async fn messages_added_during_outage_appear_afterwards() {
    let mut harness = Harness::start(Duration::from_secs(1)).await;
    harness.open("a").await;
    for _ in 0..repetitions() {
        for outage in ["offline", "site", "redis", "hidden"] {
            let mut ids = vec![harness.add("a").await.0];
            match outage {
                "offline" => {
                    harness.browser.offline(true).await;
                    ids.push(harness.add("a").await.0);
                    // Longer than the lease.
                    tokio::time::sleep(Duration::from_millis(1_500)).await;
                    harness.browser.offline(false).await;
                }
                "site" => {
                    harness.stop_site().await;
                    ids.push(harness.add("a").await.0);
                    harness.start_site();
                }
                "redis" => {
                    // The server has no persistence: an unshown message would be lost.
                    harness.wait_for("shown", &ids[0]).await;
                    harness.redis.kill();
                    harness.redis.restart();
                }
                _ => {
                    let first = harness.browser.driver.window().await.unwrap();
                    let other = harness.browser.driver.new_tab().await.unwrap();
                    harness
                        .browser
                        .driver
                        .switch_to_window(other)
                        .await
                        .unwrap();
                    ids.push(harness.add("a").await.0);
                    tokio::time::sleep(Duration::from_millis(1_500)).await;
                    harness.browser.driver.close_window().await.unwrap();
                    harness
                        .browser
                        .driver
                        .switch_to_window(first)
                        .await
                        .unwrap();
                }
            }
            ids.push(harness.add("a").await.0);
            for id in &ids {
                harness.wait_for("shown", id).await;
            }
        }
    }
    harness.assert_each_shown_once("outages");
    harness.stop().await;
}

/// The message of a form appears on the next page, not on the page that unloads.
#[actix_web::test]
async fn form_message_appears_on_next_page() {
    let mut harness = Harness::start(LEASE).await;
    for n in 0..repetitions() * 10 {
        harness.open("a").await;
        harness.browser.click("form button").await;
        let shown = eventually("the next page shows the message", async || {
            let messages = harness.browser.messages().await;
            (!messages.is_empty()).then_some(messages)
        });
        assert_eq!(shown.await, ["Saved."], "repetition {n}");
    }
    // A page that stays, since the response to its navigation is a 204.
    harness.open("a").await;
    harness.browser.run("location.assign('/nothing')").await;
    let (id, _) = harness.add("a").await;
    harness.wait_for("shown", &id).await;
    harness.assert_each_shown_once("forms");
    harness.stop().await;
}

/// A form is sent twice, or the load of a page is stopped: with `confirm_in_browser` no message is
/// lost.
#[actix_web::test]
async fn discarded_page_loses_no_messages() {
    let mut harness = Harness::start_with(Duration::from_secs(1), true).await;
    for _ in 0..repetitions() {
        for discard in [
            "const form = document.forms[0]; form.requestSubmit(); setTimeout(() => form.requestSubmit(), 5);",
            "document.forms[0].requestSubmit(); setTimeout(() => window.stop(), 10);",
            "document.forms[0].requestSubmit(); setTimeout(() => location.assign('/b'), 15);",
        ] {
            harness.open("a").await;
            harness.browser.run(discard).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // A page that is sent completely, and that no tab shows.
        harness.open("a").await;
        let (id, _) = harness.add("b").await;
        let fetch = format!(
            "return fetch('/b').then((page) => page.text()).then((text) => text.includes('{id}'))"
        );
        assert_eq!(harness.browser.run(&fetch).await, true);
        harness.open("b").await;
        harness.wait_for("shown", &id).await;
    }
    harness.open("a").await;
    eventually("the messages of all saved forms are shown", async || {
        (harness.shown().len() == harness.expected()).then_some(())
    })
    .await;
    assert!(harness.expected() >= repetitions() * 3);
    harness.assert_each_shown_once("discarded_pages");
    harness.stop().await;
}

/// A page that keeps its messages: the next one shows them again.
#[actix_web::test]
async fn kept_message_is_shown_again_by_the_next_page() {
    let mut harness = Harness::start(LEASE).await;
    harness.add("kept").await;
    for _ in 0..2 {
        harness.browser.open(&harness.at("kept")).await;
        // The script has handled the message once it has a close button.
        let count = "return document.querySelectorAll('.salver-message .salver-close').length";
        eventually("the message is shown", async || {
            (harness.browser.run(count).await == 1).then_some(())
        })
        .await;
    }
    assert_eq!(harness.job.count(&at("ada", "kept")).await.unwrap(), 1);
    harness.stop().await;
}
