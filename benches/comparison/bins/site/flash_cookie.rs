//! actix-web-flash-messages with its cookie store: messages are in a signed cookie.

use actix_web::App;
use actix_web::cookie::Key;
use actix_web_flash_messages::FlashMessagesFramework;
use actix_web_flash_messages::storage::CookieMessageStore;
use comparison::Result;

use crate::flash_session::{save, show};
use crate::serve::serve;

pub(crate) async fn run() -> Result {
    let store = CookieMessageStore::builder(Key::generate()).build();
    let framework = FlashMessagesFramework::builder(store).build();
    serve!(move || {
        App::new()
            .wrap(framework.clone())
            .service(show)
            .service(save)
    })
}
