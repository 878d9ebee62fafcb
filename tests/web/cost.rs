//! What a page costs, by the calls that a spy counts.

use actix_web::test::init_service;
use actix_web::{App, HttpResponse, web};
use allocation_counter::measure;
use futures_util::FutureExt;
use salver::{Message, Messages, Pending, Salver};

use super::site::{PAGE, Site, adas, adas_site, html, site};
use crate::support::eventually;
use crate::support::redis::Server;
use crate::support::spy::SpyStore;

#[actix_web::test]
async fn a_visitor_without_a_session_costs_no_call() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let page = |pending: Pending, messages: Messages| async move {
        assert!(pending.is_empty() && messages.session().is_none());
        html(PAGE)
    };
    let site = site(salver.middleware(), |app| {
        _ = app.route("/p", web::get().to(page))
    })
    .await;
    let answer = site.get("/p").await;
    assert_eq!(answer.body, PAGE, "byte for byte");
    let names: Vec<_> = answer
        .headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect();
    assert_eq!(names, ["content-type"], "no cookie, no header");
    assert_eq!(report.take(), [""; 0]);
    println!("COST visitor=unknown store_calls=0");
}

#[actix_web::test]
async fn a_page_without_messages_is_left_as_it_is() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = adas_site(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/plain", web::get().to(|| async { "plain" }));
        app.route("/noslot", web::get().to(|| async { html("<p>") }));
    })
    .await;
    let answer = site.get("/p").await;
    assert_eq!(answer.body, PAGE, "byte for byte");
    let names: Vec<_> = answer
        .headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect();
    assert_eq!(names, ["content-type"], "no cookie, no header");
    salver.flush().await;
    assert_eq!(report.take(), ["claim"], "asked once, nothing written");
    assert_eq!(site.get("/plain").await.body, "plain");
    assert_eq!(site.get("/noslot").await.body, "<p>");
    salver.flush().await;
    assert_eq!(report.take(), [""; 0], "what has no slot asks nothing");
    println!("COST page=idle store_calls=1 writes=0");
}

#[actix_web::test]
async fn a_page_with_messages_claims_once_and_confirms_once() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = adas_site(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    salver
        .add(&adas(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    assert_eq!(report.take(), ["add"]);
    site.get("/p").await;
    salver.flush().await;
    assert_eq!(report.take(), ["claim", "confirm"]);
    println!("COST page=one_message store_calls=2");
}

#[actix_web::test]
async fn a_form_costs_one_call_for_each_add() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let save = |messages: Messages| async move {
        messages.success("Saved.").await;
        messages.to("other").info("Saved.").await;
        messages.to("").info("refused before any call").await;
        HttpResponse::SeeOther()
            .insert_header(("location", "/p"))
            .finish()
    };
    let site = site(salver.middleware(), |app| {
        _ = app.route("/p", web::post().to(save))
    })
    .await;
    assert_eq!(site.post("/p").await.status, 303);
    assert_eq!(report.take(), ["add", "add"]);
}

/// What an idle page allocates beside the page itself: the visit, its box and the table of the request's extensions;
/// and to know the view, the pattern that actix puts together.
#[actix_web::test]
async fn an_idle_page_allocates_little() {
    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let read = |pending: Pending| async move {
        assert!(pending.is_empty());
        html(PAGE)
    };
    let unread = || async { html(PAGE) };
    let routes = move |app: &mut web::ServiceConfig| {
        app.route("/slot", web::get().to(unread));
        app.route("/read", web::get().to(read));
        app.route("/plain", web::get().to(|| async { "plain" }));
    };
    let bare = Site::of(init_service(App::new().route("/slot", web::get().to(unread))).await);
    let site = site(salver.middleware(), routes).await;
    let cookie = format!("salver={}", "A".repeat(43));
    site.set_cookie(Some(cookie.clone()));
    bare.set_cookie(Some(cookie));
    // Once the index is there nothing is waited for.
    eventually("pages know without asking", async || {
        ["/slot", "/read"]
            .iter()
            .all(|path| site.get(path).now_or_never().is_some())
            .then_some(())
    })
    .await;
    let of = |page: &dyn Fn()| measure(page).count_total;
    let [bare, slot, read] = [
        of(&|| drop(bare.get("/slot").now_or_never())),
        of(&|| drop(site.get("/slot").now_or_never())),
        of(&|| drop(site.get("/read").now_or_never())),
    ];
    println!("COST allocations bare={bare} slot={slot} extractor={read}");
    assert!(slot - bare <= 4, "{}", slot - bare);
    assert!(read <= slot + 1, "the extractor");
}
