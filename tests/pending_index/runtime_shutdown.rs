//! The index and its connections live on the background runtime. The shutdown of another runtime
//! does not affect them.

use std::net::TcpListener;

use actix_rt::Arbiter;
use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use actix_web::{App, HttpResponse, HttpServer, web};
use salver::{Message, Messages, Pending, Salver, View};

use crate::support::eventually;
use crate::support::indexed_site::{one_page_site, process, wait_until_idle};
use crate::support::redis::{Server, external_zadd, tracking_connections};
use crate::support::site::{PAGE, ada, context_of_ada, html};
use crate::support::spy::Report;

/// Three runtimes, one after the other, serve the page and shut down.
#[test]
fn shutdown_of_runtimes_keeps_tracking_connection() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let mut first_ids = None;
    // A listener on a fourth runtime keeps the tracking connection open, so that no resync is
    // needed.
    let other_runtime = tokio::runtime::Builder::new_current_thread().build();
    let _listener = other_runtime
        .unwrap()
        .block_on(async { salver.listen(&context_of_ada(&salver, "p")) });
    for n in 0..3 {
        System::new().block_on(async {
            let site = one_page_site(&salver).await;
            wait_until_idle(&report, || site.get("/p")).await;
            let (own, external) = (format!("own {n}"), format!("external {n}"));
            let message = Message::info(own.as_str());
            salver
                .add(&context_of_ada(&salver, "p"), message)
                .await
                .unwrap();
            assert!(site.get("/p").await.shows(&own));
            salver.flush().await;
            wait_until_idle(&report, || site.get("/p")).await;
            external_zadd(&server, &context_of_ada(&salver, "p"), &external);
            eventually("the page shows the message", async || {
                site.get("/p").await.shows(&external).then_some(())
            })
            .await;
        });
        let ids = tracking_connections(&server);
        assert_eq!(ids.len(), 1, "{n}: {ids:?}");
        assert_eq!(
            *first_ids.get_or_insert(ids.clone()),
            ids,
            "the tracking connection was recreated"
        );
    }
}

/// Starts a site on a real socket with two workers. `/p` has a slot, `/panics` claims and panics,
/// `/worker` returns the thread name of its worker, and `/stop` stops its worker.
async fn serve(salver: &Salver) -> (ServerHandle, String) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let salver = salver.clone();
    let panics = |pending: Pending| async move {
        assert!(pending.html().is_empty(), "the handler panics");
        HttpResponse::NoContent().finish()
    };
    let worker = || async { std::thread::current().name().map(str::to_owned) };
    let stop = |_: Messages| async {
        Arbiter::current().stop();
        "stopped"
    };
    let running = HttpServer::new(move || {
        App::new()
            .wrap(salver.middleware().session(|_: &_| Some(ada())))
            .route("/p", web::get().to(|| async { html(PAGE) }))
            .route("/panics", web::get().to(panics))
            .route("/worker", web::get().to(worker))
            .route("/stop", web::get().to(stop))
    });
    let running = running.workers(2).disable_signals().listen(socket);
    let running = running.unwrap().run();
    let handle = running.handle();
    actix_web::rt::spawn(running);
    (handle, url)
}

/// Requests a page on a new connection, so that any worker may serve it. Returns `None` if the
/// connection fails.
async fn get(url: &str, path: &str) -> Option<String> {
    let client = reqwest::Client::new();
    let response = client.get(format!("{url}{path}")).send().await.ok()?;
    response.text().await.ok()
}

/// Checks that an idle page sends no query, that an added message is shown, and that no query
/// follows.
async fn assert_serves_messages(salver: &Salver, report: &Report, url: &str, text: &str) {
    wait_until_idle(report, || get(url, "/p")).await;
    let context = context_of_ada(salver, "p");
    salver.add(&context, Message::info(text)).await.unwrap();
    let shown = get(url, "/p").await.unwrap();
    assert!(shown.contains(text), "{shown}");
    eventually("the message is confirmed", async || {
        salver.flush().await;
        (salver.count(&context).await.unwrap() == 0).then_some(())
    })
    .await;
    wait_until_idle(report, || get(url, "/p")).await;
}

#[actix_web::test]
async fn handle_serves_restarted_site_with_one_tracking_connection() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    for n in 0..3 {
        let (handle, url) = serve(&salver).await;
        assert_serves_messages(&salver, &report, &url, &format!("number {n}")).await;
        handle.stop(true).await;
        assert_eq!(tracking_connections(&server).len(), 1, "{n}");
    }
}

#[actix_web::test]
async fn panicking_handler_and_stopped_worker_keep_tracking() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let (handle, url) = serve(&salver).await;
    assert_serves_messages(&salver, &report, &url, "before all").await;
    for n in 0..4 {
        let text = format!("through the panic {n}");
        let context = context_of_ada(&salver, View::ANY);
        salver.add(&context, Message::info(&text)).await.unwrap();
        assert!(
            get(&url, "/panics").await.is_none(),
            "the handler that panics sent a response"
        );
        eventually("the page shows the released message", async || {
            get(&url, "/p").await.filter(|body| body.contains(&text))
        })
        .await;
        assert_serves_messages(&salver, &report, &url, &format!("after the panic {n}")).await;
    }
    for n in 0..4 {
        let before = get(&url, "/worker").await.unwrap();
        eventually("another worker serves the page", async || {
            get(&url, "/stop").await;
            get(&url, "/worker").await.filter(|worker| *worker > before)
        })
        .await;
        assert_serves_messages(&salver, &report, &url, &format!("after the stop {n}")).await;
    }
    assert_eq!(tracking_connections(&server).len(), 1);
    handle.stop(true).await;
}
