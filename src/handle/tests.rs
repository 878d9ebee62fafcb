//! Counts that only tests inside the crate can read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::post;
use actix_web::{App, HttpResponse};

use crate::message::VALIDATED;
use crate::wire::ENCODED;
use crate::{Message, Messages, Salver};

/// Returns how many messages this thread has validated and encoded.
fn counts() -> (u32, u32) {
    (VALIDATED.get(), ENCODED.get())
}

#[actix_web::test]
async fn add_validates_and_encodes_each_message_once() {
    let salver = Salver::memory("app").unwrap();
    let save = async |messages: Messages| {
        messages.success("Saved.").await;
        HttpResponse::Ok().finish()
    };
    let app = App::new()
        .wrap(salver.middleware())
        .route("/save", post().to(save));
    let app = init_service(app).await;

    let before = counts();
    call_service(&app, TestRequest::post().uri("/save").to_request()).await;
    assert_eq!(counts(), (before.0 + 1, before.1 + 1));

    let context = salver
        .context(crate::SessionId::new("ada").unwrap(), "orders")
        .unwrap();
    let before = counts();
    let messages = vec![Message::info("one"), Message::info("two")];
    salver.add_all(&context, messages).await.unwrap();
    assert_eq!(counts(), (before.0 + 2, before.1 + 2));
}
