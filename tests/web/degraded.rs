//! Failures of the store, and mistakes in the setup of the application.

use std::time::{Duration, Instant};

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use salver::{Message, Messages, Pending, Salver, assert_messages};

use crate::support::eventually;
use crate::support::logs::Logs;
use crate::support::site::{PAGE, ada, context_of_ada, html, site_of_ada};
use crate::support::spy::SpyStore;

#[actix_web::test]
async fn slow_store_delays_page_by_timeout_and_keeps_message() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("kept"))
        .await
        .unwrap();
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    report.slow(Duration::from_millis(300));
    let started = Instant::now();
    let response = site.get("/p").await;
    let waited = started.elapsed();
    assert_eq!(
        (response.status.as_u16(), response.body.as_str()),
        (200, PAGE)
    );
    assert!(waited < Duration::from_millis(250), "{waited:?}");
    report.slow(Duration::ZERO);
    eventually("the late claim is released", async || {
        report.calls().contains(&"release").then_some(())
    })
    .await;
    salver.flush().await;
    assert_messages!(salver, ada(), "p", [Info "kept"]);
}

#[actix_web::test]
async fn unreachable_store_fails_neither_page_nor_form() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route(
            "/p",
            web::get().to(|pending: Pending| async move { html(pending.html() + PAGE) }),
        );
        let save = |messages: Messages| async move {
            messages.success("Saved.").await;
            "ok"
        };
        app.route("/p", web::post().to(save));
        let add_or_fail = |messages: Messages| async move {
            messages.add_message(Message::info("x")).await.map(|_| "ok")
        };
        app.route("/add-or-fail", web::post().to(add_or_fail));
    })
    .await;
    report.down(true);
    assert_eq!(site.get("/p").await.body, PAGE);
    assert_eq!(site.post("/p").await.body, "ok");
    let failed = site.post("/add-or-fail").await;
    assert_eq!((failed.status.as_u16(), failed.body.as_str()), (503, ""));
    assert_eq!(failed.header("retry-after"), Some("1"));
}

#[actix_web::test]
async fn open_breaker_limits_store_calls() {
    let logs = Logs::start();
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("kept"))
        .await
        .unwrap();
    report.down(true);
    report.take();
    for _ in 0..50 {
        assert_eq!(site.get("/p").await.body, PAGE);
    }
    let calls = report.take().len();
    assert!((3..10).contains(&calls), "{calls} store calls of 50 pages");
    assert_eq!(
        logs.text().matches("circuit breaker opened").count(),
        1,
        "{}",
        logs.text()
    );
    report.down(false);
    eventually("the page shows the message again", async || {
        site.get("/p").await.shows("kept").then_some(())
    })
    .await;
    println!("BREAKER pages=50 store_calls={calls}");
}

#[actix_web::test]
async fn failed_confirm_is_retried_until_written() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    let context = context_of_ada(&salver, "p");
    salver.add(&context, Message::info("shown")).await.unwrap();
    let response = site.call(TestRequest::get().uri("/p")).await.unwrap();
    report.down(true);
    assert!(
        actix_web::test::read_body(response)
            .await
            .ends_with(b"</salver-messages>")
    );
    salver.flush().await;
    assert!(
        report.take().contains(&"confirm"),
        "the confirm was attempted"
    );
    report.down(false);
    eventually("the confirm is written", async || {
        let left = salver.claim(&context).await.ok()?;
        left.result.next_due_in.is_none().then_some(())
    })
    .await;
    assert!(report.take().contains(&"confirm"));
}

#[actix_web::test]
async fn page_of_read_only_store_shows_pending_messages() {
    let server = crate::support::redis::Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    let context = context_of_ada(&salver, "p");
    salver
        .add(&context, Message::info("payment failed"))
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
            "each page shows the message"
        );
    }
    let rejected = salver.add(&context, Message::info("x")).await.unwrap_err();
    assert!(
        rejected.is_unavailable() && rejected.retry_after().is_some(),
        "{rejected}"
    );
    no_writes(b"0");
    eventually("the confirms are written", async || {
        (salver.count(&context).await.unwrap() == 0).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn error_of_one_key_does_not_open_breaker() {
    let server = crate::support::redis::Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let (broken, fine) = (
        context_of_ada(&salver, "broken"),
        context_of_ada(&salver, "fine"),
    );
    let _: String = server.run(&[b"SET", broken.key().as_bytes(), b"not a sorted set"]);
    for _ in 0..10 {
        let error = salver.peek(&broken).await.unwrap_err();
        assert!(error.is_unreadable(), "{error}");
    }
    salver.add(&fine, Message::info("through")).await.unwrap();
    assert_eq!(salver.count(&fine).await.unwrap(), 1);
}

#[actix_web::test]
async fn dropped_probe_allows_next_probe() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let context = context_of_ada(&salver, "p");
    report.down(true);
    for _ in 0..3 {
        salver.peek(&context).await.unwrap_err();
    }
    report.down(false);
    report.slow(Duration::from_secs(60));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    let probe = tokio::time::timeout(Duration::from_millis(1), salver.peek(&context)).await;
    assert!(probe.is_err(), "the probe was dropped before its reply");
    report.slow(Duration::ZERO);
    salver.peek(&context).await.unwrap();
}

#[actix_web::test]
async fn missing_middleware_error_names_line_to_add() {
    let logs = Logs::start();
    async fn messages(_: Messages) -> &'static str {
        "never"
    }
    async fn pending(_: Pending) -> &'static str {
        "never"
    }
    async fn handle(_: Salver) -> &'static str {
        "never"
    }
    let app = App::new()
        .route("/messages", web::get().to(messages))
        .route("/pending", web::get().to(pending))
        .route("/handle", web::get().to(handle));
    let app = init_service(app).await;
    for path in ["/messages", "/pending", "/handle"] {
        let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        assert_eq!(response.status(), 500);
        let error = response.response().error().unwrap().to_string();
        assert!(
            error.contains("add `.wrap(salver.middleware())` to the App"),
            "{error}"
        );
        assert!(
            actix_web::test::read_body(response).await.is_empty(),
            "the response contains no detail of the error"
        );
    }
    assert_eq!(logs.text().matches(".wrap(salver.middleware())").count(), 3);
}

#[actix_web::test]
async fn compressed_response_is_logged_once() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
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
        logs.text().matches("Wrap the compressor outside").count(),
        1,
        "{}",
        logs.text()
    );
}

#[actix_web::test]
async fn messages_for_unknown_view_are_logged_once() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let site = site_of_ada(&salver, |app| {
        let save = |messages: Messages| async move {
            messages.to("settings/password").info("never seen").await;
            messages.to("page").info("seen").await;
            "ok"
        };
        app.route("/save", web::post().to(save));
        app.route("/page", web::get().to(|| async { html(PAGE) }));
        // No request is made for this page. Without the route a hint would be logged at once.
        app.route("/settings/password", web::get().to(|| async { html(PAGE) }));
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
    let warning =
        "messages wait for view `settings/password`, but no page of that view was requested";
    assert_eq!(logs.text().matches(warning).count(), 1, "{}", logs.text());
    assert!(!logs.text().contains("view `page`"));
}

/// The page finds no session, so no message is looked up for it. Its view has a page nevertheless.
#[actix_web::test]
async fn page_without_session_makes_its_view_known() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let site = crate::support::site::site(salver.middleware(), |app| {
        let save = |messages: Messages| async move {
            messages.to("p").info("waits").await;
            "ok"
        };
        app.route("/save", web::post().to(save));
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    site.post("/save").await;
    site.set_cookie(None);
    site.get("/p").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    site.post("/save").await;
    assert_eq!(logs.text(), "");
}

#[actix_web::test]
async fn panic_in_confirm_does_not_stop_later_confirms() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
    })
    .await;
    for panics in [true, false] {
        salver.clear_session(&ada()).await.unwrap();
        salver
            .add(&context_of_ada(&salver, "p"), Message::info("hello"))
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
    let context = context_of_ada(&salver, "p");
    let left = salver.claim(&context).await.unwrap();
    assert!(
        left.messages().is_empty() && left.result.next_due_in.is_none(),
        "the second claim was confirmed"
    );
}

#[actix_web::test]
async fn messages_now_in_handler_that_renders_pending_logs_warning() {
    let logs = Logs::start();
    let salver = Salver::memory("app").unwrap();
    let handler = |messages: Messages, pending: Pending| async move {
        messages.now(Message::info("lost"));
        html(pending.html())
    };
    let site = site_of_ada(&salver, |app| _ = app.route("/p", web::get().to(handler))).await;
    site.get("/p").await;
    assert!(
        logs.text().contains("(use `Pending::now`)"),
        "{}",
        logs.text()
    );
}

/// Each worker has one connection, however many scopes are wrapped. All other calls share one more.
#[actix_web::test]
async fn site_opens_one_connection_per_worker_and_one_more() {
    let server = crate::support::redis::Server::start();
    // Without the index each page queries Redis. With it, an idle page would open no connection.
    let salver = Salver::builder("app")
        .redis(&server.url())
        .pending_index(false);
    let salver = salver.build().unwrap();
    let context = context_of_ada(&salver, "a/p");
    salver
        .add(&context, Message::info("through the shared connection"))
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
    // The server assigns connections to the workers in turn, so that each worker queries Redis.
    for n in 0..4 {
        for path in ["a", "b", "c"] {
            let fresh = reqwest::Client::new();
            let response = fresh.get(format!("{url}/{path}/p")).send().await.unwrap();
            let shown = response
                .text()
                .await
                .unwrap()
                .contains("through the shared connection");
            assert_eq!(shown, n == 0 && path == "a");
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
