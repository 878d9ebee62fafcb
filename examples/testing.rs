//! Tests of a site's messages: a fixed visitor, a manual clock, and `assert_messages!`.
//!
//! Run it: `cargo run --example testing`. In a project, the two test functions below have the
//! attribute `#[actix_web::test]`.

use std::time::Duration;

use actix_web::{App, HttpResponse, Responder, get, post, test, web::Redirect};
use salver::store::{Clock, MemoryStore};
use salver::{Messages, Salver, SessionId, assert_messages};

#[post("/settings")]
async fn save(messages: Messages) -> impl Responder {
    messages.success("Your settings have been changed.").await;
    Redirect::to("/settings").see_other()
}

#[get("/settings")]
async fn settings() -> impl Responder {
    HttpResponse::Ok()
        .content_type("text/html")
        .body("<salver-messages></salver-messages>")
}

async fn saved_settings_show_message_on_settings_page() -> Result<(), salver::Error> {
    let ada = SessionId::new("ada")?;
    let (salver, visitor) = (Salver::memory("shop")?, ada.clone());
    // Every request belongs to the visitor Ada.
    let middleware = salver
        .middleware()
        .session(move |_: &_| Some(visitor.clone()));
    let app = App::new().wrap(middleware).service(save).service(settings);
    let app = test::init_service(app).await;

    test::call_service(
        &app,
        test::TestRequest::post().uri("/settings").to_request(),
    )
    .await;
    assert_messages!(salver, ada, "settings", [Success "Your settings have been changed."]);

    let request = test::TestRequest::get().uri("/settings").to_request();
    let page = test::call_and_read_body(&app, request).await;
    assert!(String::from_utf8_lossy(&page).contains("Your settings have been changed."));
    assert_messages!(salver, ada, "settings", []);
    Ok(())
}

async fn message_expires_after_one_hour() -> Result<(), salver::Error> {
    let clock = Clock::manual();
    let salver = Salver::new("shop", MemoryStore::with_clock(clock.clone()))?;
    let ada = SessionId::new("ada")?;
    let page = salver.context(ada.clone(), "settings")?;
    salver
        .add(&page, salver::Message::info("Still here?"))
        .await?;

    clock.advance(Duration::from_secs(59 * 60));
    assert_messages!(salver, ada, "settings", [Info "Still here?"]);
    clock.advance(Duration::from_secs(60));
    assert_messages!(salver, ada, "settings", []);
    Ok(())
}

#[actix_web::main]
async fn main() -> Result<(), salver::Error> {
    saved_settings_show_message_on_settings_page().await?;
    message_expires_after_one_hour().await?;
    println!("2 tests passed");
    Ok(())
}
