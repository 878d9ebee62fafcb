//! Trouble with the store, and with how the application is put together.

use std::time::{Duration, Instant};

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use salver::{Message, Messages, Pending, Salver, assert_messages};

use super::site::{PAGE, ada, adas, adas_site, html};
use crate::support::eventually;
use crate::support::logs::Logs;
use crate::support::spy::SpyStore;

#[actix_web::test]
async fn a_slow_store_costs_a_page_its_budget_and_no_message() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    salver
        .add(&adas(&salver, "p"), Message::info("kept"))
        .await
        .unwrap();
    let site = adas_site(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    report.slow(Duration::from_millis(300));
    let started = Instant::now();
    let answer = site.get("/p").await;
    let waited = started.elapsed();
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, PAGE));
    assert!(waited < Duration::from_millis(250), "{waited:?}");
    report.slow(Duration::ZERO);
    eventually("the late claim is given back", async || {
        report.calls().contains(&"release").then_some(())
    })
    .await;
    salver.flush().await;
    assert_messages!(salver, ada(), "p", [Info "kept"]);
}

#[actix_web::test]
async fn a_store_that_is_down_breaks_neither_page_nor_form() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = adas_site(&salver, |app| {
        app.route(
            "/p",
            web::get().to(|pending: Pending| async move { html(pending.html() + PAGE) }),
        );
        let save = |messages: Messages| async move {
            messages.success("Saved.").await;
            "ok"
        };
        app.route("/p", web::post().to(save));
        let strict = |messages: Messages| async move {
            messages.add_message(Message::info("x")).await.map(|_| "ok")
        };
        app.route("/strict", web::post().to(strict));
    })
    .await;
    report.down(true);
    assert_eq!(site.get("/p").await.body, PAGE);
    assert_eq!(site.post("/p").await.body, "ok");
    let strict = site.post("/strict").await;
    assert_eq!((strict.status.as_u16(), strict.body.as_str()), (503, ""));
    assert_eq!(strict.header("retry-after"), Some("1"));
}

#[actix_web::test]
async fn a_store_in_trouble_is_not_asked_by_every_page() {
    let logs = Logs::start();
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = adas_site(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    salver
        .add(&adas(&salver, "p"), Message::info("kept"))
        .await
        .unwrap();
    report.down(true);
    report.take();
    for _ in 0..50 {
        assert_eq!(site.get("/p").await.body, PAGE);
    }
    let asked = report.take().len();
    assert!((3..10).contains(&asked), "{asked} of 50 pages asked");
    assert_eq!(
        logs.text().matches("the store is in trouble").count(),
        1,
        "{}",
        logs.text()
    );
    report.down(false);
    eventually("the store is noticed", async || {
        site.get("/p").await.shows("kept").then_some(())
    })
    .await;
    println!("BREAKER pages=50 asked={asked}");
}

#[actix_web::test]
async fn a_confirm_that_cannot_be_written_waits_until_it_can() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = adas_site(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    let page = adas(&salver, "p");
    salver.add(&page, Message::info("shown")).await.unwrap();
    let head = site.head(TestRequest::get().uri("/p")).await.unwrap();
    report.down(true);
    assert!(
        actix_web::test::read_body(head)
            .await
            .ends_with(b"</salver-messages>")
    );
    salver.flush().await;
    assert!(report.take().contains(&"confirm"), "it was tried");
    report.down(false);
    eventually("the confirm is written", async || {
        let left = salver.claim(&page).await.ok()?;
        left.result.next_due_in.is_none().then_some(())
    })
    .await;
    assert!(report.take().contains(&"confirm"));
}

#[actix_web::test]
async fn a_page_of_a_store_that_takes_no_writes_shows_what_it_can_read() {
    let server = crate::support::redis::Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let site = adas_site(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    let page = adas(&salver, "p");
    salver
        .add(&page, Message::info("payment failed"))
        .await
        .unwrap();
    let no_writes = |replicas: &[u8]| {
        let set: String = server.run(&[b"CONFIG", b"SET", b"min-replicas-to-write", replicas]);
        assert_eq!(set, "OK");
    };
    no_writes(b"1");
    for _ in 0..5 {
        assert!(
            site.get("/p").await.shows("payment failed"),
            "again and again"
        );
    }
    let refused = salver.add(&page, Message::info("x")).await.unwrap_err();
    assert!(
        refused.is_unavailable() && refused.retry_after().is_some(),
        "{refused}"
    );
    no_writes(b"0");
    eventually("the confirms are written", async || {
        (salver.count(&page).await.unwrap() == 0).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn an_error_about_one_key_opens_no_breaker() {
    let server = crate::support::redis::Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let (broken, fine) = (adas(&salver, "broken"), adas(&salver, "fine"));
    let _: String = server.run(&[b"SET", broken.key().as_bytes(), b"not a sorted set"]);
    for _ in 0..10 {
        let error = salver.peek(&broken).await.unwrap_err();
        assert!(error.is_unreadable(), "{error}");
    }
    salver.add(&fine, Message::info("through")).await.unwrap();
    assert_eq!(salver.count(&fine).await.unwrap(), 1);
}

#[actix_web::test]
async fn a_probe_that_is_dropped_lets_the_next_one_try() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let page = adas(&salver, "p");
    report.down(true);
    for _ in 0..3 {
        salver.peek(&page).await.unwrap_err();
    }
    report.down(false);
    report.slow(Duration::from_secs(60));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    let probe = tokio::time::timeout(Duration::from_millis(1), salver.peek(&page)).await;
    assert!(probe.is_err(), "the probe was dropped on its way");
    report.slow(Duration::ZERO);
    salver.peek(&page).await.unwrap();
}

#[actix_web::test]
async fn a_missing_middleware_says_which_line_to_add() {
    let logs = Logs::start();
    async fn adds(_: Messages) -> &'static str {
        "never"
    }
    async fn reads(_: Pending) -> &'static str {
        "never"
    }
    async fn holds(_: Salver) -> &'static str {
        "never"
    }
    let app = App::new()
        .route("/adds", web::get().to(adds))
        .route("/reads", web::get().to(reads))
        .route("/holds", web::get().to(holds));
    let app = init_service(app).await;
    for path in ["/adds", "/reads", "/holds"] {
        let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        assert_eq!(response.status(), 500);
        let error = response.response().error().unwrap().to_string();
        assert!(
            error.contains("add `.wrap(salver.middleware())` to the App"),
            "{error}"
        );
        assert!(
            actix_web::test::read_body(response).await.is_empty(),
            "opaque to strangers"
        );
    }
    assert_eq!(logs.text().matches(".wrap(salver.middleware())").count(), 3);
}

#[actix_web::test]
async fn an_encoded_body_is_told_once() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let site = adas_site(&salver, |app| {
        let encoded = || async {
            let mut page = HttpResponse::Ok();
            page.content_type("text/html")
                .insert_header(("content-encoding", "br"))
                .body("...")
        };
        app.route("/p", web::get().to(encoded));
    })
    .await;
    for _ in 0..3 {
        site.get("/p").await;
    }
    assert_eq!(
        logs.text().matches("wrap the compressor outside").count(),
        1,
        "{}",
        logs.text()
    );
}

#[actix_web::test]
async fn messages_for_a_view_that_no_page_has_are_told_once() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let site = adas_site(&salver, |app| {
        let save = |messages: Messages| async move {
            messages.to("settings/password").info("never seen").await;
            messages.to("page").info("seen").await;
            "ok"
        };
        app.route("/save", web::post().to(save));
        app.route("/page", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    site.post("/save").await;
    site.get("/page").await;
    assert_eq!(logs.text(), "");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    for _ in 0..3 {
        site.post("/save").await;
    }
    let told = "messages for view `settings/password`, no page of that view";
    assert_eq!(logs.text().matches(told).count(), 1, "{}", logs.text());
    assert!(!logs.text().contains("view `page`"));
}

#[actix_web::test]
async fn a_store_that_panics_does_not_end_the_ends_of_others() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = adas_site(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    for panics in [true, false] {
        salver.clear_session(&ada()).await.unwrap();
        salver
            .add(&adas(&salver, "p"), Message::info("hello"))
            .await
            .unwrap();
        report.panic_at(if panics { "confirm" } else { "" });
        assert!(site.get("/p").await.shows("hello"));
        salver.flush().await;
    }
    assert_eq!(
        report
            .calls()
            .iter()
            .filter(|call| **call == "confirm")
            .count(),
        2
    );
    let page = [adas(&salver, "p")];
    let left = salver.claim(&page[0]).await.unwrap();
    assert!(
        left.messages().is_empty() && left.result.next_due_in.is_none(),
        "the second was confirmed"
    );
}

#[actix_web::test]
async fn now_beside_a_drawn_pending_is_told() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let handler = |messages: Messages, pending: Pending| async move {
        messages.now(Message::info("lost"));
        html(pending.html())
    };
    let site = adas_site(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
    site.get("/p").await;
    assert!(
        logs.text().contains("(use `Pending::now`)"),
        "{}",
        logs.text()
    );
}

/// One connection for each worker, however many scopes are wrapped, and one for everything else.
#[actix_web::test]
async fn a_site_has_one_connection_for_each_worker_and_one_more() {
    let server = crate::support::redis::Server::start();
    // Every page asks: one that knows needs no connection.
    let salver = Salver::builder("app")
        .redis(&server.url())
        .pending_index(false);
    let salver = salver.build().unwrap();
    let page = adas(&salver, "a/p");
    salver
        .add(&page, Message::info("through the shared one"))
        .await
        .unwrap();
    let (workers, handle) = (2, salver.clone());
    let site = actix_web::HttpServer::new(move || {
        let wrapped = |path: &str| {
            let middleware = handle.middleware().session(|_: &_| Some(ada()));
            web::scope(path)
                .wrap(middleware)
                .route("/p", web::get().to(|| async { html(PAGE) }))
        };
        App::new()
            .service(wrapped("/a"))
            .service(wrapped("/b"))
            .service(wrapped("/c"))
    });
    let site = site.workers(workers).bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", site.addrs()[0]);
    let running = site.run();
    let stop = running.handle();
    actix_web::rt::spawn(running);
    // Connections go to the workers in turn, so that each of them asks.
    for round in 0..4 {
        for path in ["a", "b", "c"] {
            let fresh = reqwest::Client::new();
            let answer = fresh.get(format!("{url}/{path}/p")).send().await.unwrap();
            let shown = answer
                .text()
                .await
                .unwrap()
                .contains("through the shared one");
            assert_eq!(shown, round == 0 && path == "a");
        }
    }
    let clients: String = server.run(&[b"CLIENT", b"LIST"]);
    let own = clients
        .lines()
        .filter(|client| !client.contains("cmd=client"))
        .count();
    assert_eq!(own, workers + 1, "{clients}");
    stop.stop(true).await;
    println!("COST connections={own} workers={workers} scopes=3");
}
