//! Settlement of claims when their worker stops or stalls.

use std::time::Duration;

use actix_web::rt::System;
use actix_web::web;
use salver::{Message, Salver};

use crate::support::eventually;
use crate::support::site::{PAGE, context_of_ada, html, site_of_ada};
use crate::support::spy::{Report, SpyStore};

#[test]
fn confirms_of_stopped_worker_move_to_another_thread() {
    for is_in_flight in [false, true] {
        let (store, report) = SpyStore::new();
        let salver = Salver::new("app", store).unwrap();
        let context = context_of_ada(&salver, "p");
        System::new().block_on(async {
            salver.add(&context, Message::info("shown")).await.unwrap();
            let site = site_of_ada(&salver, |app| {
                app.route("/p", web::get().to(|| async { html(PAGE) }));
            })
            .await;
            assert!(site.get("/p").await.shows("shown"));
            report.slow(Duration::from_secs(60));
            while is_in_flight && !report.calls().contains(&"confirm") {
                tokio::task::yield_now().await;
            }
        });
        report.slow(Duration::ZERO);
        System::new().block_on(async {
            salver.flush().await;
            let remaining = salver.claim(&context).await.unwrap();
            assert!(
                remaining.messages().is_empty(),
                "is_in_flight={is_in_flight}"
            );
            assert_eq!(
                remaining.result.next_due_in, None,
                "no message waits for its lease to expire"
            );
        });
    }
}

/// Shows a message on a runtime that is not polled afterwards. Then calls `then` on another
/// runtime.
fn with_stalled_worker(then: impl AsyncFnOnce(&Salver, &Report)) {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let context = context_of_ada(&salver, "p");
    let stalled = System::new();
    let site = stalled.block_on(async {
        salver.add(&context, Message::info("shown")).await.unwrap();
        let site = site_of_ada(&salver, |app| {
            app.route("/p", web::get().to(|| async { html(PAGE) }));
        })
        .await;
        assert!(site.get("/p").await.shows("shown"));
        site
    });
    assert!(
        !report.calls().contains(&"confirm"),
        "the stalled worker sent the confirm"
    );
    System::new().block_on(then(&salver, &report));
    drop(site);
}

#[test]
fn flush_does_not_wait_for_stalled_worker() {
    with_stalled_worker(async |salver, report| {
        salver.flush().await;
        assert_eq!(report.calls().last(), Some(&"confirm"));
    });
}

#[test]
fn confirms_of_stalled_worker_move_to_another_thread() {
    with_stalled_worker(async |_, report| {
        eventually("another thread sends the confirm", async || {
            report.calls().contains(&"confirm").then_some(())
        })
        .await;
    });
}
