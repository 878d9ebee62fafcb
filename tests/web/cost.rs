//! What a page costs, by the calls that a spy counts.

use actix_web::HttpResponse;
use actix_web::web;
use salver::{Message, Messages, Pending, Salver};

use super::site::{PAGE, adas, adas_site, html, site};
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
    salver.close().await;
    assert_eq!(report.take(), ["claim"], "asked once, nothing written");
    assert_eq!(site.get("/plain").await.body, "plain");
    assert_eq!(site.get("/noslot").await.body, "<p>");
    salver.close().await;
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
    salver.close().await;
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
