//! actix-web-flash-messages with its session store: messages are in an actix-session session, in
//! Redis.

use actix_session::SessionMiddleware;
use actix_session::storage::RedisSessionStore;
use actix_web::cookie::Key;
use actix_web::{App, HttpResponse, get, post};
use actix_web_flash_messages::storage::SessionMessageStore;
use actix_web_flash_messages::{FlashMessage, FlashMessagesFramework, IncomingFlashMessages};
use comparison::{Result, TEXT};

use crate::page;
use crate::serve::serve;

pub(crate) async fn run(url: &str) -> Result {
    let framework = FlashMessagesFramework::builder(SessionMessageStore::default()).build();
    let sessions = RedisSessionStore::new(url).await?;
    let key = Key::generate();
    serve!(move || {
        App::new()
            .wrap(framework.clone())
            .wrap(SessionMiddleware::new(sessions.clone(), key.clone()))
            .service(show)
            .service(save)
    })
}

#[get("/page")]
pub(crate) async fn show(messages: IncomingFlashMessages) -> HttpResponse {
    page::with(messages.iter().map(FlashMessage::content))
}

#[post("/page")]
pub(crate) async fn save() -> HttpResponse {
    FlashMessage::success(TEXT).send();
    page::see_other()
}
