//! When what the server tells does not arrive: pages ask until all is known again.

use std::time::{Duration, Instant};

use actix_web::web;

use super::{foreign_zadd, process, settled, site_of_a_page};
use crate::faults::process::SiteProcess;
use crate::faults::site::{ask, read_whole};
use crate::support::eventually;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::web::site::{PAGE, adas, adas_site, html};

/// The latest that a silent failure may be noticed, and what a busy machine adds.
const NOTICED: Duration = Duration::from_millis(1_300);

/// Something happens, something is written at once, and a page has to show it; the latest that it did.
async fn latest(server: &Server, url: &str, rounds: usize, happens: impl AsyncFn()) -> Duration {
    let (salver, report) = process(url);
    let site = site_of_a_page(&salver).await;
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
        salver.flush().await;
    }
    latest
}

/// What was written while nobody listened is found when all that there is has been gone through.
#[actix_web::test]
async fn what_was_written_in_a_gap_is_found_without_asking_in_it() {
    let server = Server::start();
    let (proxy, url) = Proxy::doing(Fault::None, &server.url());
    let (salver, report) = process(&url);
    let site = adas_site(&salver, |app| {
        for path in ["/p", "/q"] {
            app.route(path, web::get().to(|| async { html(PAGE) }));
        }
    })
    .await;
    for n in 0..5 {
        settled(&report, || site.get("/q")).await;
        proxy.set(Fault::Refuse);
        let text = format!("number {n}");
        foreign_zadd(&server, &adas(&salver, "p"), &text);
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.set(Fault::None);
        // Another page asks until all is known: this one has not asked before.
        settled(&report, || site.get("/q")).await;
        assert!(site.get("/p").await.shows(&text), "{n}");
        salver.flush().await;
    }
}

/// A look that failed has answered nothing: the next page asks again.
#[actix_web::test]
async fn a_look_that_failed_is_repeated() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let site = site_of_a_page(&salver).await;
    let context = adas(&salver, "p");
    for by_a_page in [false, true] {
        settled(&report, || site.get("/p")).await;
        let text = format!("in spite of it {by_a_page}");
        foreign_zadd(&server, &context, &text);
        // In the way of a look, and no context: it does not ring.
        let _: String = server.run(&[b"SET", b"app!session:{ada}", b"of another type"]);
        tokio::time::sleep(Duration::from_millis(50)).await;
        match by_a_page {
            true => assert!(!site.get("/p").await.shows(&text)),
            false => drop(salver.claim(&context).await.unwrap_err()),
        }
        let _: u64 = server.run(&[b"DEL", b"app!session:{ada}"]);
        assert!(site.get("/p").await.shows(&text));
        salver.flush().await;
    }
}

/// What the server keeps for a process that reads no more is bounded, and the process is none the wiser after.
#[actix_web::test]
async fn a_frozen_process_costs_the_server_little() {
    const ADDS: usize = 1_000_000;
    const MOST: u64 = 64 * 1024 * 1024;

    let server = Server::start();
    let listening = || super::listening(&server).len();
    let site = SiteProcess::start(&server.url());
    eventually("it listens", async || (listening() == 1).then_some(())).await;
    site.signal("STOP");
    let mut connection = server.connect();
    let view = "long".repeat(50);
    let (mut before, mut most) = (None, 0);
    for batch in 0..ADDS / 1000 {
        let mut adds = redis::pipe();
        for n in 0..1000 {
            // The same contexts over and over: what grows is what the server keeps for its listener.
            let key = format!("app:{{visitor{}}}:{view}", (batch * 1000 + n) % 20_000);
            adds.cmd("ZADD").arg(key).arg(batch).arg("member").ignore();
        }
        adds.exec(&mut connection).unwrap();
        let used = used_memory(&server);
        if batch == 20 {
            before = Some(used);
        }
        most = most.max(used.saturating_sub(before.unwrap_or(used)));
    }
    println!(
        "COST frozen_process adds={ADDS} server_memory_mib={}",
        most >> 20
    );
    assert!(most < MOST, "{most}");
    assert_eq!(
        listening(),
        0,
        "the server has not hung up: nothing was shown"
    );
    site.signal("CONT");
    foreign_zadd(&server, &crate::support::at("ada", "page"), "after it");
    let shown = async || {
        let stream = ask(site.port, "/page", "ada").await.unwrap();
        let page = read_whole(stream).await?;
        page.contains("after it").then_some(())
    };
    eventually("the page shows it", shown).await;
}

fn used_memory(server: &Server) -> u64 {
    let info: String = server.run(&[b"INFO", b"memory"]);
    let mut lines = info.lines();
    let used = lines.find_map(|line| line.strip_prefix("used_memory:"));
    used.unwrap().trim().parse().unwrap()
}

/// A primary that has become a replica tells of what it hears itself, late or never.
#[actix_web::test]
async fn a_primary_that_became_a_replica_is_not_trusted() {
    let (server, other) = (Server::start(), Server::start());
    let (salver, report) = process(&server.url());
    let site = site_of_a_page(&salver).await;
    settled(&report, || site.get("/p")).await;
    let port = other.port.to_string();
    let _: String = server.run(&[b"REPLICAOF", b"127.0.0.1", port.as_bytes()]);
    let demoted = Instant::now();
    eventually("pages ask", async || {
        site.get("/p").await;
        (!report.take().is_empty()).then_some(())
    })
    .await;
    assert!(demoted.elapsed() < NOTICED, "{:?}", demoted.elapsed());
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        site.get("/p").await;
        assert_eq!(report.take().len(), 1, "pages go on asking");
    }
    let _: String = server.run(&[b"REPLICAOF", b"NO", b"ONE"]);
    settled(&report, || site.get("/p")).await;
}

/// Listening ends with the last handle.
#[actix_web::test]
async fn nobody_listens_for_a_store_that_is_gone() {
    let server = Server::start();
    for _ in 0..3 {
        let (salver, report) = process(&server.url());
        let site = site_of_a_page(&salver).await;
        settled(&report, || site.get("/p")).await;
        assert_eq!(super::listening(&server).len(), 1);
        drop(site);
        drop(salver);
        eventually("the connection is closed", async || {
            super::listening(&server).is_empty().then_some(())
        })
        .await;
    }
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
    let (proxy, url) = Proxy::doing(Fault::None, &server.url());
    let silence = async || proxy.set(Fault::MuteListeners);
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
    let site = site_of_a_page(&salver).await;
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
        salver.flush().await;
    }
}
