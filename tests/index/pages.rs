//! When a page asks.

use std::cell::Cell;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use salver::store::IssueKind;
use salver::{Message, PendingIndex, Salver, View};

use super::{foreign_zadd, process, process_with, settled, site_of_a_page};
use crate::faults::LATE;
use crate::support::eventually;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::web::site::{PAGE, adas, adas_site, html};

/// How many times the server has run a script.
fn scripts_run(server: &Server) -> u64 {
    let info: String = server.run(&[b"INFO", b"commandstats"]);
    let calls = |line: &str| {
        let rest = line.strip_prefix("cmdstat_evalsha:calls=")?;
        rest.split(',').next()?.parse().ok()
    };
    info.lines().find_map(calls).unwrap_or(0)
}

#[actix_web::test]
async fn a_page_without_messages_asks_nobody() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let site = site_of_a_page(&salver).await;
    settled(&report, || site.get("/p")).await;
    // The look at the store at the start is over when no script runs any more.
    let before = eventually("nothing runs", async || {
        let before = scripts_run(&server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        (scripts_run(&server) == before).then_some(before)
    })
    .await;
    for _ in 0..100 {
        let answer = site.get("/p").await;
        assert_eq!(answer.body, PAGE, "byte for byte");
        let names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["content-type"], "no cookie, no header");
    }
    let commands = scripts_run(&server) - before;
    assert_eq!((report.take().len(), commands), (0, 0));
    println!("COST page=idle_with_index pages=100 store_calls=0 commands={commands}");
}

#[actix_web::test]
async fn what_another_process_adds_is_found() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let (other, _) = process(&server.url());
    let site = site_of_a_page(&salver).await;
    for view in [View::new("p").unwrap(), View::ANY] {
        for n in 0..20 {
            settled(&report, || site.get("/p")).await;
            let text = format!("number {n} for {view}");
            let message = Message::info(text.as_str());
            other.add(&adas(&other, &view), message).await.unwrap();
            report.take();
            eventually("the page shows it", async || {
                site.get("/p").await.shows(&text).then_some(())
            })
            .await;
            salver.flush().await;
            settled(&report, || site.get("/p")).await;
        }
    }
}

#[actix_web::test]
async fn a_message_shown_costs_at_most_one_needless_look() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let site = site_of_a_page(&salver).await;
    settled(&report, || site.get("/p")).await;
    let mut most = 0;
    for n in 0..50 {
        let text = format!("number {n}");
        let message = Message::info(text.as_str());
        salver.add(&adas(&salver, "p"), message).await.unwrap();
        assert!(site.get("/p").await.shows(&text), "its own add, at once");
        salver.flush().await;
        // What the server has to say of the claim and the confirm has been said when it answers this.
        let _: String = server.run(&[b"PING"]);
        tokio::time::sleep(Duration::from_millis(20)).await;
        report.take();
        for _ in 0..5 {
            site.get("/p").await;
        }
        most = most.max(report.take().len());
    }
    assert!(most <= 1, "{most} looks for nothing after one message");
    println!("COST needless_looks_per_message_at_most={most} messages=50");
}

#[actix_web::test]
async fn a_foreign_zadd_is_heard() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let site = site_of_a_page(&salver).await;
    settled(&report, || site.get("/p")).await;
    foreign_zadd(&server, &adas(&salver, "p"), "from a shell");
    eventually("the page shows it", async || {
        site.get("/p").await.shows("from a shell").then_some(())
    })
    .await;
}

/// Neither the end of a lease nor a schedule writes anything: nothing rings.
#[actix_web::test]
async fn what_falls_due_is_asked_for_when_it_does() {
    const AFTER: Duration = Duration::from_millis(1500);

    let server = Server::start();
    let short = |salver: salver::SalverBuilder| salver.lease(Duration::from_secs(1));
    let (salver, report) = process_with(&server.url(), short);
    let (other, _) = process_with(&server.url(), short);
    let site = adas_site(&salver, |app| {
        for path in ["/scheduled", "/leased"] {
            app.route(path, web::get().to(|| async { html(PAGE) }));
        }
    })
    .await;
    let scheduled = Message::info("later").after(AFTER);
    other
        .add(&adas(&other, "scheduled"), scheduled)
        .await
        .unwrap();
    let leased = adas(&other, "leased");
    other.add(&leased, Message::info("again")).await.unwrap();
    // Whoever claims it ends here, without a word.
    drop(other.claim(&leased).await.unwrap());
    drop(other);
    let started = Instant::now();
    for (path, text, at) in [("/leased", "again", 1000), ("/scheduled", "later", 1500)] {
        settled(&report, || site.get(path)).await;
        let (pages, looks) = (Cell::new(0), Cell::new(0));
        let shown = eventually("it falls due", async || {
            report.take();
            let shown = site.get(path).await.shows(text).then(|| started.elapsed());
            pages.set(pages.get() + 1);
            let claims = report.take().into_iter().filter(|call| *call == "claim");
            looks.set(looks.get() + claims.count());
            shown
        })
        .await;
        let (pages, looks) = (pages.get(), looks.get());
        let late = shown.as_millis() as i64 - at;
        println!("COST due={text} pages={pages} looks={looks} late_ms={late}");
        assert!((-50..=100).contains(&late), "{late} ms late");
        assert!(looks * 2 < pages, "{looks} looks of {pages} pages");
    }
}

/// However late the server's word of it comes.
#[actix_web::test]
async fn what_this_process_does_itself_is_asked_for_at_once() {
    let server = Server::start();
    let (_proxy, url) = Proxy::doing(Fault::LatePushes(LATE), &server.url());
    let (salver, report) = process(&url);
    let fails = |pending: salver::Pending| async move {
        HttpResponse::InternalServerError().body(pending.html())
    };
    let site = adas_site(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/fails", web::get().to(fails));
    })
    .await;
    for n in 0..10 {
        let (added, released) = (format!("added {n}"), format!("released {n}"));
        settled(&report, || site.get("/p")).await;
        let message = Message::info(added.as_str());
        salver.add(&adas(&salver, "p"), message).await.unwrap();
        assert!(site.get("/p").await.shows(&added), "{n}");

        salver.flush().await;
        tokio::time::sleep(LATE * 2).await;
        settled(&report, || site.get("/p")).await;
        let message = Message::info(released.as_str());
        salver
            .add(&adas(&salver, View::ANY), message)
            .await
            .unwrap();
        assert!(site.get("/fails").await.shows(&released), "{n}");
        assert!(site.get("/p").await.shows(&released), "{n}");
        salver.flush().await;
        tokio::time::sleep(LATE * 2).await;
    }
}

#[actix_web::test]
async fn one_setting_turns_it_off() {
    let server = Server::start();
    let (salver, report) = process_with(&server.url(), |salver| salver.pending_index(false));
    let health =
        |salver: Salver| async move { format!("{:?}", salver.health().await.pending_index()) };
    let site = adas_site(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/health", web::get().to(health));
    })
    .await;
    for _ in 0..20 {
        report.take();
        site.get("/p").await;
        assert_eq!(report.take(), ["claim"], "every page asks");
    }
    assert_eq!(
        site.get("/health").await.body,
        format!("{:?}", PendingIndex::Disabled)
    );
    let clients: String = server.run(&[b"CLIENT", b"LIST"]);
    assert!(
        !clients.contains("flags=B") && !clients.contains("sub=1"),
        "{clients}"
    );
}

#[actix_web::test]
async fn health_tells_whether_pages_know() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let health =
        |salver: Salver| async move { format!("{:?}", salver.health().await.pending_index()) };
    let site = adas_site(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/health", web::get().to(health));
    })
    .await;
    settled(&report, || site.get("/p")).await;
    assert_eq!(
        site.get("/health").await.body,
        format!("{:?}", PendingIndex::Ready)
    );
    // A process without pages has no use for it.
    assert_eq!(
        salver.health().await.pending_index(),
        PendingIndex::Disabled
    );
}

/// Where the user may not listen, every page asks, and health says why.
#[actix_web::test]
async fn a_server_that_does_not_tell_is_asked() {
    let server = Server::start();
    for lacking in ["client|tracking", "subscribe", "app!beat"] {
        let rights = match lacking {
            "app!beat" => "resetchannels".to_owned(),
            command => format!("-{command}"),
        };
        let user = [
            "ACL", "SETUSER", "deaf", "reset", "on", ">deaf", "~*", "&*", "+@all", &rights,
        ];
        let _: String = server.run(&user.map(str::as_bytes));
        let (salver, report) = process(&server.url_as("deaf", "deaf"));
        let site = site_of_a_page(&salver).await;
        let health = eventually("health says so", async || {
            let health = salver.health().await;
            (!health.is_healthy()).then_some(health)
        })
        .await;
        let finding = &health.issues()[0];
        assert_eq!(finding.kind().name(), "silent", "{health}");
        assert!(finding.detail().contains(lacking), "{health}");
        for n in 0..10 {
            report.take();
            site.get("/p").await;
            assert_eq!(report.take(), ["claim"], "{n}, {lacking}");
        }
    }
}

/// Whatever it is that keeps this process from listening, and until it is over.
#[actix_web::test]
async fn health_says_why_pages_ask() {
    let server = Server::start();
    let mut shell = server.connect();
    let mut connections = |most: u32| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxclients").arg(most);
        set.exec(&mut shell).unwrap();
    };
    let (salver, _) = process(&server.url());
    salver.count(&adas(&salver, "p")).await.unwrap();
    connections(2);
    let site = site_of_a_page(&salver).await;
    site.get("/p").await;
    let health = eventually("health says so", async || {
        let health = salver.health().await;
        (!health.is_healthy()).then_some(health)
    })
    .await;
    let troubles = health.issues().iter().map(|finding| finding.kind());
    assert_eq!(
        troubles.collect::<Vec<_>>(),
        [IssueKind::TrackingUnavailable],
        "{health}"
    );
    connections(100);
    eventually("healthy", async || {
        salver.health().await.is_healthy().then_some(())
    })
    .await;
}
