//! Pages that are open, in a real Chromium: each message is seen once, on one of them.

use std::time::Duration;

use super::harness::Stage;
use crate::faults::column;
use crate::support::eventually;

const LEASE: Duration = Duration::from_secs(15);
/// How often each scenario is run in one test.
fn rounds() -> usize {
    column(2, 50)
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[((last as f64) * share).round() as usize]
}

/// A job ends while its page is open: a toast, at once, and never again.
#[actix_web::test]
async fn a_toast_appears_at_once_and_a_reload_shows_nothing() {
    let mut stage = Stage::new(LEASE).await;
    stage.open("a").await;
    let mut delays = Vec::new();
    let count = column(200, 1_000);
    for _ in 0..count {
        let (id, began) = stage.add("a").await;
        delays.push(stage.told("painted", &id).await.at - began);
    }
    delays.sort_by(f64::total_cmp);
    let (p50, p99) = (percentile(&delays, 0.5), percentile(&delays, 0.99));
    println!("LIVE toast_p50_ms {p50:.1}");
    println!("LIVE toast_p99_ms {p99:.1}");
    stage.browser.driver.refresh().await.unwrap();
    stage.listens().await;
    assert_eq!(
        stage.browser.messages().await,
        [""; 0],
        "a reload shows nothing"
    );
    let (id, _) = stage.add("a").await;
    stage.told("shown", &id).await;
    stage.judge("toast");
    stage.end().await;
}

/// Any number of tabs of one view: one of them shows what comes, and somebody can see it.
#[actix_web::test]
async fn one_of_many_tabs_shows_each() {
    let mut stage = Stage::new(LEASE).await;
    for tabs in 2..=8 {
        for _ in 0..rounds() {
            let first = stage.browser.driver.window().await.unwrap();
            stage.open("a").await;
            let mut others = Vec::new();
            for _ in 1..tabs {
                let tab = stage.browser.driver.new_tab().await.unwrap();
                stage
                    .browser
                    .driver
                    .switch_to_window(tab.clone())
                    .await
                    .unwrap();
                stage.open("a").await;
                others.push(tab);
            }
            for looked_at in [&first, &others[0]] {
                stage
                    .browser
                    .driver
                    .switch_to_window(looked_at.clone())
                    .await
                    .unwrap();
                let (id, _) = stage.add("a").await;
                stage.told("shown", &id).await;
                let here = stage.browser.run("return document.visibilityState").await;
                assert_eq!(here, "visible");
                let script =
                    format!("return !!document.querySelector('[data-salver-id=\"{id}\"]')");
                assert_eq!(
                    stage.browser.run(&script).await,
                    true,
                    "where somebody looks"
                );
            }
            for tab in others {
                stage.browser.driver.switch_to_window(tab).await.unwrap();
                stage.browser.driver.close_window().await.unwrap();
            }
            stage.browser.driver.switch_to_window(first).await.unwrap();
            // The stream is the first tab's again.
            stage.open("a").await;
            let (id, _) = stage.add("a").await;
            stage.told("shown", &id).await;
        }
    }
    stage.judge("tabs");
    stage.end().await;
}

/// Back and forward: pages come back as they were, but for what was shown, and listen again.
#[actix_web::test]
async fn pages_that_come_back_show_nothing_twice_and_listen() {
    let mut stage = Stage::new(LEASE).await;
    stage.open("a").await;
    let (id, _) = stage.add("a").await;
    stage.told("shown", &id).await;
    for round in 0..rounds() {
        // One with a message that came with the page, one with a toast.
        stage.add("b").await;
        stage
            .browser
            .run("document.querySelector('a[href=\"/b\"]').click()")
            .await;
        eventually("b is there", async || {
            let title = stage.browser.driver.title().await.ok()?;
            (title == "b").then_some(())
        })
        .await;
        stage.listens().await;
        let (id, _) = stage.add("b").await;
        stage.told("shown", &id).await;
        for (go, title) in [("back", "a"), ("forward", "b"), ("back", "a")] {
            let before = restored(&stage);
            stage.browser.run(&format!("history.{go}()")).await;
            eventually(
                &format!("{title} comes back as it was, round {round}"),
                async || (restored(&stage) > before).then_some(()),
            )
            .await;
            assert_eq!(stage.browser.messages().await, [""; 0]);
            stage.listens().await;
            let (id, _) = stage.add(title).await;
            stage.told("shown", &id).await;
        }
    }
    println!("LIVE restored {}", restored(&stage));
    stage.judge("back_forward");
    stage.end().await;
}

/// Counts the pages that came back as they were.
fn restored(stage: &Stage) -> usize {
    let said = stage.said.lock().unwrap();
    said.iter()
        .filter(|told| told.what == "page" && told.persisted)
        .count()
}

/// What is added while the page cannot be reached comes as soon as it can.
#[actix_web::test]
async fn what_comes_meanwhile_comes_after() {
    let mut stage = Stage::new(Duration::from_secs(1)).await;
    stage.open("a").await;
    for _ in 0..rounds() {
        for trouble in ["offline", "site", "redis", "hidden"] {
            let mut ids = vec![stage.add("a").await.0];
            match trouble {
                "offline" => {
                    stage.browser.offline(true).await;
                    ids.push(stage.add("a").await.0);
                    // For longer than a lease.
                    tokio::time::sleep(Duration::from_millis(1_500)).await;
                    stage.browser.offline(false).await;
                }
                "site" => {
                    stage.stop_site().await;
                    ids.push(stage.add("a").await.0);
                    stage.start_site();
                }
                "redis" => {
                    // What the server has not written down goes with it.
                    stage.told("shown", &ids[0]).await;
                    stage.redis.kill();
                    stage.redis.start_again();
                }
                _ => {
                    let first = stage.browser.driver.window().await.unwrap();
                    let other = stage.browser.driver.new_tab().await.unwrap();
                    stage.browser.driver.switch_to_window(other).await.unwrap();
                    ids.push(stage.add("a").await.0);
                    tokio::time::sleep(Duration::from_millis(1_500)).await;
                    stage.browser.driver.close_window().await.unwrap();
                    stage.browser.driver.switch_to_window(first).await.unwrap();
                }
            }
            ids.push(stage.add("a").await.0);
            for id in &ids {
                stage.told("shown", id).await;
            }
        }
    }
    stage.judge("trouble");
    stage.end().await;
}

/// What a form of an open page is answered is for the page that follows, not for the one that is being left.
#[actix_web::test]
async fn a_form_of_an_open_page_shows_its_message_on_the_page_that_follows() {
    let mut stage = Stage::new(LEASE).await;
    for round in 0..rounds() * 10 {
        stage.open("a").await;
        stage.browser.click("form button").await;
        let shown = eventually("the page that follows says so", async || {
            let messages = stage.browser.messages().await;
            (!messages.is_empty()).then_some(messages)
        });
        assert_eq!(shown.await, ["Saved."], "round {round}");
    }
    // A page that is not left after all, since what was asked for is none.
    stage.open("a").await;
    stage.browser.run("location.assign('/nothing')").await;
    let (id, _) = stage.add("a").await;
    stage.told("shown", &id).await;
    stage.judge("forms");
    stage.end().await;
}

/// A form that is sent twice, and a page that is stopped: with pages that say what they show nothing is lost.
#[actix_web::test]
async fn a_page_that_is_thrown_away_loses_nothing() {
    let mut stage = Stage::with(Duration::from_secs(1), true).await;
    for _ in 0..rounds() {
        for throw_away in [
            "const form = document.forms[0]; form.requestSubmit(); setTimeout(() => form.requestSubmit(), 5);",
            "document.forms[0].requestSubmit(); setTimeout(() => window.stop(), 10);",
            "document.forms[0].requestSubmit(); setTimeout(() => location.assign('/b'), 15);",
        ] {
            stage.open("a").await;
            stage.browser.run(throw_away).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // A page that was handed over whole, and that nobody sees.
        stage.open("a").await;
        let (id, _) = stage.add("b").await;
        let unseen = format!(
            "return fetch('/b').then((page) => page.text()).then((text) => text.includes('{id}'))"
        );
        assert_eq!(stage.browser.run(&unseen).await, true);
        stage.open("b").await;
        stage.told("shown", &id).await;
    }
    stage.open("a").await;
    eventually("all that was saved is shown", async || {
        (stage.shown().len() == stage.expected()).then_some(())
    })
    .await;
    assert!(stage.expected() >= rounds() * 3);
    stage.judge("thrown_away");
    stage.end().await;
}
