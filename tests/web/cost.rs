//! The store calls and the allocations of a page.

use actix_web::test::init_service;
use actix_web::{App, HttpResponse, web};
use allocation_counter::measure;
use futures_util::FutureExt;
use salver::{Message, Messages, Pending, Salver};

use crate::support::eventually;
use crate::support::redis::Server;
use crate::support::site::{PAGE, WebTestSite, context_of_ada, html, site, site_of_ada};
use crate::support::spy::SpyStore;

#[actix_web::test]
async fn visitor_without_session_causes_no_store_call() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let page = |pending: Pending, messages: Messages| async move {
        assert!(pending.is_empty() && messages.session().is_none());
        html(PAGE)
    };
    let middleware = salver.middleware().without_explanations();
    let site = site(middleware, |app| _ = app.route("/p", web::get().to(page))).await;
    let response = site.get("/p").await;
    assert_eq!(response.body, PAGE, "the body is unchanged");
    let names: Vec<_> = response
        .headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect();
    assert_eq!(names, ["content-type"], "no cookie and no header is added");
    assert_eq!(report.take(), [""; 0]);
    println!("COST visitor=unknown store_calls=0");
}

#[actix_web::test]
async fn page_without_messages_is_unchanged() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = site_of_ada(&salver, |app| {
        app.route("/p", web::get().to(|| async { html(PAGE) }));
        app.route("/plain", web::get().to(|| async { "plain" }));
        app.route("/noslot", web::get().to(|| async { html("<p>") }));
    })
    .await;
    let response = site.get("/p").await;
    assert_eq!(response.body, PAGE, "the body is unchanged");
    let names: Vec<_> = response
        .headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect();
    assert_eq!(names, ["content-type"], "no cookie and no header is added");
    salver.flush().await;
    assert_eq!(report.take(), ["claim"], "one claim and no write");
    assert_eq!(site.get("/plain").await.body, "plain");
    assert_eq!(site.get("/noslot").await.body, "<p>");
    salver.flush().await;
    assert_eq!(
        report.take(),
        [""; 0],
        "a response without a slot sends no query"
    );
    println!("COST page=idle store_calls=1 writes=0");
}

#[actix_web::test]
async fn page_with_messages_claims_and_confirms_once() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let site = site_of_ada(&salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await;
    salver
        .add(&context_of_ada(&salver, "p"), Message::info("hello"))
        .await
        .unwrap();
    assert_eq!(report.take(), ["add"]);
    site.get("/p").await;
    salver.flush().await;
    assert_eq!(report.take(), ["claim", "confirm"]);
    println!("COST page=one_message store_calls=2");
}

#[actix_web::test]
async fn form_sends_one_call_per_add() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let save = |messages: Messages| async move {
        messages.success("Saved.").await;
        messages.to("other").info("Saved.").await;
        messages.to("").info("rejected before any call").await;
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

/// In addition to the page itself, an idle page allocates the request state, its box, and the table
/// of the request's extensions. To find the view it allocates the route pattern that actix-web
/// builds.
#[actix_web::test]
async fn idle_page_adds_at_most_four_allocations() {
    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    let extractor_page = |pending: Pending| async move {
        assert!(pending.is_empty());
        html(PAGE)
    };
    let slot_page = || async { html(PAGE) };
    let routes = move |app: &mut web::ServiceConfig| {
        app.route("/slot", web::get().to(slot_page));
        app.route("/extractor", web::get().to(extractor_page));
        app.route("/plain", web::get().to(|| async { "plain" }));
    };
    let bare =
        WebTestSite::of(init_service(App::new().route("/slot", web::get().to(slot_page))).await);
    let site = site(salver.middleware().without_explanations(), routes).await;
    let cookie = format!("salver-app={}", "A".repeat(43));
    site.set_cookie(Some(cookie.clone()));
    bare.set_cookie(Some(cookie));
    // Once the index is synced, a response is ready at its first poll.
    eventually("pages are served without a query", async || {
        ["/slot", "/extractor"]
            .iter()
            .all(|path| site.get(path).now_or_never().is_some())
            .then_some(())
    })
    .await;
    let allocations = |page: &dyn Fn()| measure(page).count_total;
    let [bare, slot, extractor] = [
        allocations(&|| drop(bare.get("/slot").now_or_never())),
        allocations(&|| drop(site.get("/slot").now_or_never())),
        allocations(&|| drop(site.get("/extractor").now_or_never())),
    ];
    println!("COST allocations bare={bare} slot={slot} extractor={extractor}");
    assert!(slot - bare <= 4, "{}", slot - bare);
    assert!(
        extractor <= slot + 1,
        "the extractor allocates more than once"
    );
}
