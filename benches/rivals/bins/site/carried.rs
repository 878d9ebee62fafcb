//! Salver: the middleware fills the slot, and the handler that shows the page does not know.

use actix_web::{App, HttpResponse, get, post};
use rivals::{Outcome, TEXT};
use salver::{Messages, Salver};

use crate::page;
use crate::serve::serve;

pub(crate) async fn run(salver: Salver) -> Outcome {
    serve!(move || {
        App::new()
            .wrap(salver.middleware())
            .service(show)
            .service(save)
    })
}

#[get("/page")]
async fn show() -> HttpResponse {
    page::plain()
}

#[post("/page")]
async fn save(messages: Messages) -> HttpResponse {
    messages.success(TEXT).await;
    page::see_other()
}
