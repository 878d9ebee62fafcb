//! When what the server tells does not arrive: pages ask until all is known again.

use std::time::{Duration, Instant};

use actix_web::web;

use super::{foreign_zadd, process, settled};
use crate::support::eventually;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::web::site::{PAGE, adas, adas_site, html};

/// The latest that a silent failure may be noticed, and what a busy machine adds.
const NOTICED: Duration = Duration::from_millis(1_300);

/// Something happens, something is written at once, and a page has to show it; the latest that it did.
async fn latest(server: &Server, url: &str, rounds: usize, happens: impl AsyncFn()) -> Duration {
    let (salver, report) = process(url);
    let site = adas_site(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    let mut latest = Duration::ZERO;
    for n in 0..rounds {
        settled(&report, || site.get("/p")).await;
        happens().await;
        let text = format!("number {n}");
        foreign_zadd(server, &adas(&salver, "p"), &text);
        let written = Instant::now();
        eventually("the page shows it", async || {
            site.get("/p").await.shows(&text).then_some(())
        })
        .await;
        latest = latest.max(written.elapsed());
        salver.close().await;
    }
    latest
}

#[actix_web::test]
async fn a_flush_forgets_all() {
    let server = Server::start();
    let flush = async || server.run::<()>(&[b"FLUSHALL"]);
    let latest = latest(&server, &server.url(), 20, flush).await;
    println!("COST gap=flushall latest_ms={}", latest.as_millis());
    assert!(latest < NOTICED, "{latest:?}");
}

#[actix_web::test]
async fn a_connection_that_is_killed_is_noticed_at_once() {
    let server = Server::start();
    let kill = async || {
        let _: u64 = server.run(&[b"CLIENT", b"KILL", b"TYPE", b"pubsub"]);
    };
    let latest = latest(&server, &server.url(), 20, kill).await;
    println!("COST gap=client_kill latest_ms={}", latest.as_millis());
    assert!(latest < NOTICED, "{latest:?}");
}

#[actix_web::test]
async fn a_server_that_stays_silent_is_not_trusted() {
    let server = Server::start();
    let proxy = Proxy::before(server.port);
    let silence = async || {
        proxy.set(Fault::DropPushes);
        // The page that misses it has to have come after it was written.
    };
    let url = match server.url().split_once('@') {
        Some((user, _)) => format!("{user}@127.0.0.1:{}", proxy.port),
        None => proxy.url(),
    };
    let latest = latest(&server, &url, 1, silence).await;
    println!("COST gap=silence latest_ms={}", latest.as_millis());
    assert!(latest < NOTICED, "{latest:?}");
    assert!(
        latest > Duration::from_millis(200),
        "it was told after all: {latest:?}"
    );
}

#[actix_web::test]
async fn a_server_that_starts_again_is_gone_through() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (salver, report) = process(&server.url());
    let site = adas_site(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    for n in 0..5 {
        settled(&report, || site.get("/p")).await;
        server.kill();
        server.start_again();
        let text = format!("number {n}");
        foreign_zadd(&server, &adas(&salver, "p"), &text);
        eventually("the page shows it", async || {
            site.get("/p").await.shows(&text).then_some(())
        })
        .await;
        salver.close().await;
    }
}
