//! How claims end where their worker does.

use std::time::Duration;

use actix_web::rt::System;
use actix_web::web;
use salver::{Message, Salver};

use super::site::{PAGE, adas, adas_site, html};
use crate::support::eventually;
use crate::support::spy::{Report, SpyStore};

#[test]
fn a_worker_that_ends_leaves_its_confirms_to_another_thread() {
    for begun in [false, true] {
        let (store, report) = SpyStore::new();
        let salver = Salver::new("app", store).unwrap();
        let page = adas(&salver, "p");
        System::new().block_on(async {
            salver.add(&page, Message::info("shown")).await.unwrap();
            let site = adas_site(&salver, |app| {
                app.route("/p", web::get().to(|| async { html(PAGE) }));
            })
            .await;
            assert!(site.get("/p").await.shows("shown"));
            report.slow(Duration::from_secs(60));
            while begun && !report.calls().contains(&"confirm") {
                tokio::task::yield_now().await;
            }
        });
        report.slow(Duration::ZERO);
        System::new().block_on(async {
            salver.flush().await;
            let left = salver.claim(&page).await.unwrap();
            assert!(left.messages().is_empty(), "begun={begun}");
            assert_eq!(
                left.result.next_due_in, None,
                "nothing waits for its lease to end"
            );
        });
    }
}

/// Shows a message on a runtime that nobody drives after it.
fn with_a_worker_at_rest(then: impl AsyncFnOnce(&Salver, &Report)) {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let page = adas(&salver, "p");
    let resting = System::new();
    let site = resting.block_on(async {
        salver.add(&page, Message::info("shown")).await.unwrap();
        let site = adas_site(&salver, |app| {
            app.route("/p", web::get().to(|| async { html(PAGE) }));
        })
        .await;
        assert!(site.get("/p").await.shows("shown"));
        site
    });
    assert!(!report.calls().contains(&"confirm"), "it is at rest");
    System::new().block_on(then(&salver, &report));
    drop(site);
}

#[test]
fn closing_does_not_wait_for_a_worker_that_stands_still() {
    with_a_worker_at_rest(async |salver, report| {
        salver.flush().await;
        assert_eq!(report.calls().last(), Some(&"confirm"));
    });
}

#[test]
fn a_worker_that_stands_still_keeps_no_confirm_for_long() {
    with_a_worker_at_rest(async |_, report| {
        eventually("another thread confirms", async || {
            report.calls().contains(&"confirm").then_some(())
        })
        .await;
    });
}
