//! When a page queries the store.

use std::cell::Cell;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use salver::store::IssueKind;
use salver::{Message, PendingIndex, Salver, View};

use crate::support::eventually;
use crate::support::indexed_site::{one_page_site, process, process_with, wait_until_idle};
use crate::support::profile::PUSH_DELAY;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::{Server, external_zadd};
use crate::support::site::{PAGE, context_of_ada, html, site_of_ada};

/// Returns how many times the server has run a script.
fn scripts_run(server: &Server) -> u64 {
    let info: String = server.run(&[b"INFO", b"commandstats"]);
    let calls = |line: &str| {
        let rest = line.strip_prefix("cmdstat_evalsha:calls=")?;
        rest.split(',').next()?.parse().ok()
    };
    info.lines().find_map(calls).unwrap_or(0)
}

#[actix_web::test]
async fn page_without_messages_sends_no_query() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let site = one_page_site(&salver).await;
    wait_until_idle(&report, || site.get("/p")).await;
    // The health check at the start has ended when no script runs any more.
    let before = eventually("no script runs", async || {
        let before = scripts_run(&server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        (scripts_run(&server) == before).then_some(before)
    })
    .await;
    for _ in 0..100 {
        let response = site.get("/p").await;
        assert_eq!(response.body, PAGE, "the body is unchanged");
        let names: Vec<_> = response.headers.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["content-type"], "no cookie and no header is added");
    }
    let commands = scripts_run(&server) - before;
    assert_eq!((report.take().len(), commands), (0, 0));
    println!("COST page=idle_with_index pages=100 store_calls=0 commands={commands}");
}

#[actix_web::test]
async fn message_of_another_process_is_shown() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let (other, _) = process(&server.url());
    let site = one_page_site(&salver).await;
    for view in [View::new("p").unwrap(), View::ANY] {
        for n in 0..20 {
            wait_until_idle(&report, || site.get("/p")).await;
            let text = format!("number {n} for {view}");
            let message = Message::info(text.as_str());
            other
                .add(&context_of_ada(&other, &view), message)
                .await
                .unwrap();
            report.take();
            eventually("the page shows the message", async || {
                site.get("/p").await.shows(&text).then_some(())
            })
            .await;
            salver.flush().await;
            wait_until_idle(&report, || site.get("/p")).await;
        }
    }
}

#[actix_web::test]
async fn shown_message_causes_at_most_one_needless_query() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let site = one_page_site(&salver).await;
    wait_until_idle(&report, || site.get("/p")).await;
    let mut max = 0;
    for n in 0..50 {
        let text = format!("number {n}");
        let message = Message::info(text.as_str());
        salver
            .add(&context_of_ada(&salver, "p"), message)
            .await
            .unwrap();
        assert!(
            site.get("/p").await.shows(&text),
            "the next page shows the process's own add"
        );
        salver.flush().await;
        // The server sends the invalidations of the claim and the confirm before it replies to
        // this.
        let _: String = server.run(&[b"PING"]);
        tokio::time::sleep(Duration::from_millis(20)).await;
        report.take();
        for _ in 0..5 {
            site.get("/p").await;
        }
        max = max.max(report.take().len());
    }
    assert!(max <= 1, "{max} needless queries after one message");
    println!("COST max_needless_queries_per_message={max} messages=50");
}

#[actix_web::test]
async fn external_zadd_is_shown() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let site = one_page_site(&salver).await;
    wait_until_idle(&report, || site.get("/p")).await;
    external_zadd(&server, &context_of_ada(&salver, "p"), "from a shell");
    eventually("the page shows the message", async || {
        site.get("/p").await.shows("from a shell").then_some(())
    })
    .await;
}

/// The end of a lease and a scheduled time write no key, so the server sends no invalidation.
#[actix_web::test]
async fn message_is_queried_when_it_becomes_visible() {
    const DELAY: Duration = Duration::from_millis(1500);

    let server = Server::start();
    let short = |salver: salver::SalverBuilder| salver.lease(Duration::from_secs(1));
    let (salver, report) = process_with(&server.url(), short);
    let (other, _) = process_with(&server.url(), short);
    let site = site_of_ada(&salver, |app| {
        for path in ["/scheduled", "/leased"] {
            app.route(path, web::get().to(|| async { html(PAGE) }));
        }
    })
    .await;
    let scheduled = Message::info("later").after(DELAY);
    other
        .add(&context_of_ada(&other, "scheduled"), scheduled)
        .await
        .unwrap();
    let leased = context_of_ada(&other, "leased");
    other.add(&leased, Message::info("again")).await.unwrap();
    // The process that claims the message ends without a confirm or a release.
    drop(other.claim(&leased).await.unwrap());
    drop(other);
    let started = Instant::now();
    for (path, text, at) in [("/leased", "again", 1000), ("/scheduled", "later", 1500)] {
        wait_until_idle(&report, || site.get(path)).await;
        let (pages, queries) = (Cell::new(0), Cell::new(0));
        let shown = eventually("the message becomes visible", async || {
            report.take();
            let shown = site.get(path).await.shows(text).then(|| started.elapsed());
            pages.set(pages.get() + 1);
            let claims = report.take().into_iter().filter(|call| *call == "claim");
            queries.set(queries.get() + claims.count());
            shown
        })
        .await;
        let (pages, queries) = (pages.get(), queries.get());
        let late_ms = shown.as_millis() as i64 - at;
        println!("COST due={text} pages={pages} queries={queries} late_ms={late_ms}");
        assert!((-50..1_000).contains(&late_ms), "{late_ms} ms late");
        assert!(queries * 2 < pages, "{queries} queries of {pages} pages");
    }
}

/// The process's own change is queried immediately, however late its invalidation arrives.
#[actix_web::test]
async fn own_change_is_queried_immediately() {
    let server = Server::start();
    let (_proxy, url) = Proxy::with_fault(Fault::DelayPushes(PUSH_DELAY), &server.url());
    let (salver, report) = process(&url);
    let fails = |pending: salver::Pending| async move {
        HttpResponse::InternalServerError().body(pending.html())
    };
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/fails", web::get().to(fails));
    })
    .await;
    for n in 0..10 {
        let (added, released) = (format!("added {n}"), format!("released {n}"));
        wait_until_idle(&report, || site.get("/p")).await;
        let message = Message::info(added.as_str());
        salver
            .add(&context_of_ada(&salver, "p"), message)
            .await
            .unwrap();
        assert!(site.get("/p").await.shows(&added), "{n}");

        salver.flush().await;
        tokio::time::sleep(PUSH_DELAY * 2).await;
        wait_until_idle(&report, || site.get("/p")).await;
        let message = Message::info(released.as_str());
        salver
            .add(&context_of_ada(&salver, View::ANY), message)
            .await
            .unwrap();
        assert!(site.get("/fails").await.shows(&released), "{n}");
        assert!(site.get("/p").await.shows(&released), "{n}");
        salver.flush().await;
        tokio::time::sleep(PUSH_DELAY * 2).await;
    }
}

#[actix_web::test]
async fn pending_index_setting_disables_index() {
    let server = Server::start();
    let (salver, report) = process_with(&server.url(), |salver| salver.pending_index(false));
    let health =
        |salver: Salver| async move { format!("{:?}", salver.health().await.pending_index()) };
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/health", web::get().to(health));
    })
    .await;
    for _ in 0..20 {
        report.take();
        site.get("/p").await;
        assert_eq!(report.take(), ["claim"], "each page queries Redis");
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
async fn health_reports_state_of_index() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let health =
        |salver: Salver| async move { format!("{:?}", salver.health().await.pending_index()) };
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/health", web::get().to(health));
    })
    .await;
    wait_until_idle(&report, || site.get("/p")).await;
    assert_eq!(
        site.get("/health").await.body,
        format!("{:?}", PendingIndex::Ready)
    );
    // A process without pages does not use the index.
    assert_eq!(
        salver.health().await.pending_index(),
        PendingIndex::Disabled
    );
}

/// Without a permission for client tracking each page queries Redis, and `health` names the
/// permission.
#[actix_web::test]
async fn missing_tracking_permission_makes_pages_query() {
    let server = Server::start();
    for missing in ["client|tracking", "subscribe", "app!beat"] {
        let rule = match missing {
            "app!beat" => "resetchannels".to_owned(),
            command => format!("-{command}"),
        };
        let user = [
            "ACL", "SETUSER", "limited", "reset", "on", ">limited", "~*", "&*", "+@all", &rule,
        ];
        let _: String = server.run(&user.map(str::as_bytes));
        let (salver, report) = process(&server.url_as("limited", "limited"));
        let site = one_page_site(&salver).await;
        let health = eventually("health reports the issue", async || {
            let health = salver.health().await;
            (!health.is_healthy()).then_some(health)
        })
        .await;
        let issue = &health.issues()[0];
        assert_eq!(issue.kind().name(), "tracking_unavailable", "{health}");
        assert!(issue.detail().contains(missing), "{health}");
        for n in 0..10 {
            report.take();
            site.get("/p").await;
            assert_eq!(report.take(), ["claim"], "{n}, {missing}");
        }
    }
}

/// `health` reports any cause that prevents client tracking, until the cause is removed.
#[actix_web::test]
async fn health_reports_cause_of_missing_tracking() {
    let server = Server::start();
    let mut shell = server.connect();
    let mut set_max_clients = |max: u32| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxclients").arg(max);
        set.exec(&mut shell).unwrap();
    };
    let (salver, _) = process(&server.url());
    salver.count(&context_of_ada(&salver, "p")).await.unwrap();
    set_max_clients(2);
    let site = one_page_site(&salver).await;
    site.get("/p").await;
    let health = eventually("health reports the issue", async || {
        let health = salver.health().await;
        (!health.is_healthy()).then_some(health)
    })
    .await;
    let kinds = health.issues().iter().map(|issue| issue.kind());
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [IssueKind::TrackingUnavailable],
        "{health}"
    );
    set_max_clients(100);
    eventually("healthy", async || {
        salver.health().await.is_healthy().then_some(())
    })
    .await;
}
