//! What is known, and the connections behind it, live on Salver's own thread: no runtime's end breaks them.

use std::net::TcpListener;

use actix_rt::Arbiter;
use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use actix_web::{App, HttpResponse, HttpServer, web};
use salver::{Message, Messages, Pending, Salver, View};

use super::{foreign_zadd, listening, process, settled, site_of_a_page};
use crate::support::eventually;
use crate::support::redis::Server;
use crate::support::spy::Report;
use crate::web::site::{PAGE, ada, adas, html};

/// One page after the other is served by runtimes that end.
#[test]
fn the_end_of_any_runtime_breaks_nothing() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let mut known = None;
    // Beside them one that lives on, and watches: what is known of the pages is not known anew.
    let staying = tokio::runtime::Builder::new_current_thread().build();
    let _watch = staying
        .unwrap()
        .block_on(async { salver.listen(&adas(&salver, "p")) });
    for n in 0..3 {
        System::new().block_on(async {
            let site = site_of_a_page(&salver).await;
            settled(&report, || site.get("/p")).await;
            let (own, foreign) = (format!("own {n}"), format!("foreign {n}"));
            let message = Message::info(own.as_str());
            salver.add(&adas(&salver, "p"), message).await.unwrap();
            assert!(site.get("/p").await.shows(&own));
            salver.flush().await;
            settled(&report, || site.get("/p")).await;
            foreign_zadd(&server, &adas(&salver, "p"), &foreign);
            eventually("the page shows it", async || {
                site.get("/p").await.shows(&foreign).then_some(())
            })
            .await;
        });
        let ids = listening(&server);
        assert_eq!(ids.len(), 1, "{n}: {ids:?}");
        assert_eq!(*known.get_or_insert(ids.clone()), ids, "it was made anew");
    }
}

/// A site on a real socket with two workers: `/p` has a slot, `/panics` claims and panics, `/worker` says who serves
/// it, `/ends` ends its worker.
async fn serve(salver: &Salver) -> (ServerHandle, String) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let salver = salver.clone();
    let panics = |pending: Pending| async move {
        assert!(pending.html().is_empty(), "it panics");
        HttpResponse::NoContent().finish()
    };
    let worker = || async { std::thread::current().name().map(str::to_owned) };
    let ends = |_: Messages| async {
        Arbiter::current().stop();
        "it ends"
    };
    let running = HttpServer::new(move || {
        App::new()
            .wrap(salver.middleware().session(|_: &_| Some(ada())))
            .route("/p", web::get().to(|| async { html(PAGE) }))
            .route("/panics", web::get().to(panics))
            .route("/worker", web::get().to(worker))
            .route("/ends", web::get().to(ends))
    });
    let running = running.workers(2).disable_signals().listen(socket);
    let running = running.unwrap().run();
    let handle = running.handle();
    actix_web::rt::spawn(running);
    (handle, url)
}

/// Asks on a connection of its own, so that any worker may answer; nothing where it breaks off.
async fn get(url: &str, path: &str) -> Option<String> {
    let client = reqwest::Client::new();
    let answer = client.get(format!("{url}{path}")).send().await.ok()?;
    answer.text().await.ok()
}

/// Sees that both workers know, show what is added, and know again.
async fn goes_on(salver: &Salver, report: &Report, url: &str, text: &str) {
    settled(report, || get(url, "/p")).await;
    let page = adas(salver, "p");
    salver.add(&page, Message::info(text)).await.unwrap();
    let shown = get(url, "/p").await.unwrap();
    assert!(shown.contains(text), "{shown}");
    eventually("it is confirmed", async || {
        salver.flush().await;
        (salver.count(&page).await.unwrap() == 0).then_some(())
    })
    .await;
    settled(report, || get(url, "/p")).await;
}

#[actix_web::test]
async fn one_site_after_the_other_is_served_by_one_handle() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    for n in 0..3 {
        let (handle, url) = serve(&salver).await;
        goes_on(&salver, &report, &url, &format!("number {n}")).await;
        handle.stop(true).await;
        assert_eq!(listening(&server).len(), 1, "{n}");
    }
}

#[actix_web::test]
async fn a_handler_that_panics_and_a_worker_that_ends_break_nothing() {
    let server = Server::start();
    let (salver, report) = process(&server.url());
    let (handle, url) = serve(&salver).await;
    goes_on(&salver, &report, &url, "before all").await;
    for n in 0..4 {
        let text = format!("through the panic {n}");
        let page = adas(&salver, View::ANY);
        salver.add(&page, Message::info(&text)).await.unwrap();
        assert!(get(&url, "/panics").await.is_none(), "it answers");
        eventually("the page shows what was given back", async || {
            get(&url, "/p").await.filter(|page| page.contains(&text))
        })
        .await;
        goes_on(&salver, &report, &url, &format!("after the panic {n}")).await;
    }
    for n in 0..4 {
        let before = get(&url, "/worker").await.unwrap();
        eventually("another worker answers", async || {
            get(&url, "/ends").await;
            get(&url, "/worker").await.filter(|worker| *worker > before)
        })
        .await;
        goes_on(&salver, &report, &url, &format!("after the end {n}")).await;
    }
    assert_eq!(listening(&server).len(), 1);
    handle.stop(true).await;
}
