//! A store that works, but replies later than pages wait.

use std::time::Duration;

use actix_web::web;
use futures_util::future::join_all;
use salver::store::IssueKind;
use salver::{Messages, Salver};

use crate::support::eventually;
use crate::support::logs::Logs;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::support::site::{PAGE, html, site_of_ada};

/// Delay of each reply: longer than the default `page_timeout` of 50 ms.
const DELAY: Duration = Duration::from_millis(70);
/// Late replies after which one page waits longer.
const LATE_REPLIES: usize = 3;
const ROUNDS: usize = 12;

/// Every add succeeds and every claim comes too late. The log and the health name both times, and
/// the messages are shown by one page in four.
#[actix_web::test]
async fn slow_store_is_reported_and_one_page_in_four_waits_for_it() {
    let logs = Logs::everywhere();
    let server = Server::start();
    let proxy = Proxy::start(server.port);
    let salver = Salver::builder("app")
        .redis(&proxy.url())
        // Not reached on a busy machine either: beyond it, a reply counts as lost.
        .call_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let site = site_of_ada(&salver, |app| {
        let save = |messages: Messages| async move {
            messages.success("Saved.").await;
            "ok"
        };
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/p", web::post().to(save));
    })
    .await;
    let is_slow = async || {
        let health = salver.health().await;
        let issues = health.issues().iter();
        let mut slow = issues.filter(|issue| issue.kind() == IssueKind::SlowStore);
        slow.next().map(ToString::to_string)
    };
    assert_eq!(is_slow().await, None);

    proxy.set(Fault::Delay(DELAY));
    let mut showing = Vec::new();
    for round in 0..ROUNDS {
        site.post("/p").await;
        if site.get("/p").await.shows("Saved.") {
            showing.push(round);
        }
        salver.flush().await;
    }
    println!("SLOW pages={ROUNDS} showing={showing:?}");
    assert!(
        showing.first().is_some_and(|first| *first <= LATE_REPLIES),
        "no page waits longer: {showing:?}"
    );
    assert!(
        showing
            .windows(2)
            .all(|pair| pair[1] - pair[0] > LATE_REPLIES),
        "more than one page in {} is slow: {showing:?}",
        LATE_REPLIES + 1
    );
    let warnings = eventually("the warning is logged", async || {
        let text = logs.text();
        let warnings = text
            .lines()
            .filter(|line| line.contains("raise `page_timeout`"));
        let warnings: Vec<_> = warnings.map(str::to_owned).collect();
        (!warnings.is_empty()).then_some(warnings)
    })
    .await;
    let (warning, issue) = (&warnings[0], is_slow().await);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warning.contains("the store replied in ")
            && warning.contains("ms, but a page waits at most 50 ms;")
            && warning.contains("page_timeout_ms=50"),
        "{warning}"
    );
    let issue = issue.unwrap_or_default();
    assert!(
        issue.starts_with("slow_store: the store replied in ") && issue.contains("50 ms"),
        "{issue}"
    );

    // Concurrent pages time out before the reply to the first of them.
    join_all((0..LATE_REPLIES).map(|_| site.get("/p"))).await;
    assert!(
        !logs.text().contains("circuit breaker opened"),
        "adds would be rejected, which succeed"
    );

    proxy.set(Fault::None);
    eventually("the issue is cleared", async || {
        // A page of a session without messages reads nothing, and measures no reply.
        site.post("/p").await;
        site.get("/p").await;
        is_slow().await.is_none().then_some(())
    })
    .await;
}
