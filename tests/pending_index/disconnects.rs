//! Invalidations that do not arrive: pages query Redis until a resync has completed.

use std::time::{Duration, Instant};

use actix_web::web;

use crate::support::eventually;
use crate::support::fault_site::{read_response, send_get};
use crate::support::indexed_site::{one_page_site, process, wait_until_idle};
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::{Server, external_zadd, tracking_connections};
use crate::support::site::{PAGE, context_of_ada, html, site_of_ada};
use crate::support::site_process::SiteProcess;

/// Longest accepted delay until a silent failure is detected, with a margin for a busy machine.
const DETECTION_LIMIT: Duration = Duration::from_millis(1_300);

/// Causes a failure, writes a message immediately, and waits until a page shows it. Returns the
/// longest delay of all repetitions.
async fn max_delay(
    server: &Server,
    url: &str,
    repetitions: usize,
    fail: impl AsyncFn(),
) -> Duration {
    let (salver, report) = process(url);
    let site = one_page_site(&salver).await;
    let mut max_delay = Duration::ZERO;
    for n in 0..repetitions {
        wait_until_idle(&report, || site.get("/p")).await;
        fail().await;
        let text = format!("number {n}");
        external_zadd(server, &context_of_ada(&salver, "p"), &text);
        let written = Instant::now();
        eventually("the page shows the message", async || {
            site.get("/p").await.shows(&text).then_some(())
        })
        .await;
        max_delay = max_delay.max(written.elapsed());
        salver.flush().await;
    }
    max_delay
}

/// A message is written while the tracking connection is down. The resync after the reconnect finds
/// it.
#[actix_web::test]
async fn message_written_while_disconnected_is_found_by_resync() {
    let server = Server::start();
    let (proxy, url) = Proxy::with_fault(Fault::None, &server.url());
    let (salver, report) = process(&url);
    let site = site_of_ada(&salver, |app| {
        for path in ["/p", "/q"] {
            app.route(path, web::get().to(|| async { html(PAGE) }));
        }
    })
    .await;
    for n in 0..5 {
        wait_until_idle(&report, || site.get("/q")).await;
        proxy.set(Fault::Refuse);
        let text = format!("number {n}");
        for view in ["p", "q"] {
            external_zadd(&server, &context_of_ada(&salver, view), &text);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.set(Fault::None);
        // While the circuit breaker is open, pages send no query either.
        eventually("pages query the store again", async || {
            site.get("/q").await.shows(&text).then_some(())
        })
        .await;
        // Requests only the other page until the resync has completed, so that `/p` sends no query
        // before.
        wait_until_idle(&report, || site.get("/q")).await;
        assert!(site.get("/p").await.shows(&text), "{n}");
        salver.flush().await;
    }
}

/// A query that failed leaves its entry dirty: the next page queries again.
#[actix_web::test]
async fn failed_query_is_repeated() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let site = one_page_site(&salver).await;
    let context = context_of_ada(&salver, "p");
    for is_page in [false, true] {
        wait_until_idle(&report, || site.get("/p")).await;
        let text = format!("after the failure {is_page}");
        external_zadd(&server, &context, &text);
        // A key of another type makes the read fail. It belongs to no context, so its write
        // invalidates nothing.
        let _: String = server.run(&[b"SET", b"app!session:{ada}", b"of another type"]);
        tokio::time::sleep(Duration::from_millis(50)).await;
        match is_page {
            true => assert!(!site.get("/p").await.shows(&text)),
            false => drop(salver.claim(&context).await.unwrap_err()),
        }
        let _: u64 = server.run(&[b"DEL", b"app!session:{ada}"]);
        assert!(site.get("/p").await.shows(&text));
        salver.flush().await;
    }
}

/// The memory that the server uses for a process that stops reading is bounded. The process shows
/// later messages after it resumes.
#[actix_web::test]
async fn frozen_process_uses_bounded_server_memory() {
    const ADDS: usize = 1_000_000;
    const MAX_MEMORY: u64 = 64 * 1024 * 1024;

    let server = Server::start();
    let connections = || tracking_connections(&server).len();
    let site = SiteProcess::start(&server.url());
    eventually("client tracking is on", async || {
        (connections() == 1).then_some(())
    })
    .await;
    site.signal("STOP");
    let mut connection = server.connect();
    let view = "long".repeat(50);
    let (mut before, mut max) = (None, 0);
    for batch in 0..ADDS / 1000 {
        let mut adds = redis::pipe();
        for n in 0..1000 {
            // The adds repeat 20,000 contexts, so that only the buffer of the tracking connection
            // grows.
            let key = format!("app:{{visitor{}}}:{view}", (batch * 1000 + n) % 20_000);
            adds.cmd("ZADD").arg(key).arg(batch).arg("member").ignore();
        }
        adds.exec(&mut connection).unwrap();
        let used = used_memory(&server);
        if batch == 20 {
            before = Some(used);
        }
        max = max.max(used.saturating_sub(before.unwrap_or(used)));
    }
    println!(
        "COST frozen_process adds={ADDS} server_memory_mib={}",
        max >> 20
    );
    assert!(max < MAX_MEMORY, "{max}");
    assert_eq!(
        connections(),
        0,
        "the server did not close the connection, so the test proves nothing"
    );
    site.signal("CONT");
    external_zadd(
        &server,
        &crate::support::at("ada", "page"),
        "after the resume",
    );
    let shown = async || {
        let stream = send_get(site.port, "/page", "ada").await.unwrap();
        let page = read_response(stream).await?;
        page.contains("after the resume").then_some(())
    };
    eventually("the page shows the message", shown).await;
}

fn used_memory(server: &Server) -> u64 {
    let info: String = server.run(&[b"INFO", b"memory"]);
    let mut lines = info.lines();
    let used = lines.find_map(|line| line.strip_prefix("used_memory:"));
    used.unwrap().trim().parse().unwrap()
}

/// A demoted primary sends invalidations only for the writes that it replicates, late or never.
#[actix_web::test]
async fn demoted_primary_makes_pages_query() {
    let (server, other) = (Server::start(), Server::start());
    let (salver, report) = process(&server.url());
    let site = one_page_site(&salver).await;
    wait_until_idle(&report, || site.get("/p")).await;
    let port = other.port.to_string();
    let _: String = server.run(&[b"REPLICAOF", b"127.0.0.1", port.as_bytes()]);
    let demoted = Instant::now();
    eventually("the page queries Redis", async || {
        site.get("/p").await;
        (!report.take().is_empty()).then_some(())
    })
    .await;
    assert!(
        demoted.elapsed() < DETECTION_LIMIT,
        "{:?}",
        demoted.elapsed()
    );
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        site.get("/p").await;
        assert_eq!(report.take().len(), 1, "each page queries Redis");
    }
    let _: String = server.run(&[b"REPLICAOF", b"NO", b"ONE"]);
    wait_until_idle(&report, || site.get("/p")).await;
}

/// The tracking connection closes with the last handle.
#[actix_web::test]
async fn tracking_connection_closes_with_last_handle() {
    let server = Server::start();
    for _ in 0..3 {
        let (salver, report) = process(&server.url());
        let site = one_page_site(&salver).await;
        wait_until_idle(&report, || site.get("/p")).await;
        assert_eq!(tracking_connections(&server).len(), 1);
        drop(site);
        drop(salver);
        eventually("the connection is closed", async || {
            tracking_connections(&server).is_empty().then_some(())
        })
        .await;
    }
}

#[actix_web::test]
async fn killed_tracking_connection_is_detected() {
    let server = Server::start();
    let kill = async || {
        let _: u64 = server.run(&[b"CLIENT", b"KILL", b"TYPE", b"pubsub"]);
    };
    let max_delay = max_delay(&server, &server.url(), 20, kill).await;
    println!(
        "COST gap=client_kill max_delay_ms={}",
        max_delay.as_millis()
    );
    assert!(max_delay < DETECTION_LIMIT, "{max_delay:?}");
}

#[actix_web::test]
async fn silent_tracking_connection_is_detected() {
    let server = Server::start();
    let (proxy, url) = Proxy::with_fault(Fault::None, &server.url());
    let silence = async || proxy.set(Fault::SilencePushConnections);
    let max_delay = max_delay(&server, &url, 1, silence).await;
    println!("COST gap=silence max_delay_ms={}", max_delay.as_millis());
    assert!(max_delay < DETECTION_LIMIT, "{max_delay:?}");
    assert!(
        max_delay > Duration::from_millis(200),
        "an invalidation arrived: {max_delay:?}"
    );
}

#[actix_web::test]
async fn restarted_server_is_resynced() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (salver, report) = process(&server.url());
    let site = one_page_site(&salver).await;
    for n in 0..5 {
        wait_until_idle(&report, || site.get("/p")).await;
        server.kill();
        server.restart();
        let text = format!("number {n}");
        external_zadd(&server, &context_of_ada(&salver, "p"), &text);
        eventually("the page shows the message", async || {
            site.get("/p").await.shows(&text).then_some(())
        })
        .await;
        salver.flush().await;
    }
}
