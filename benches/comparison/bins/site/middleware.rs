//! Salver: the middleware fills the slot. The handler of the page contains no code for messages.

use actix_web::{App, HttpResponse, get, post};
use comparison::{Result, TEXT};
use salver::{Messages, Salver, SalverBuilder};

use crate::page;
use crate::serve::serve;

pub(crate) async fn run(builder: SalverBuilder) -> Result {
    let salver = builder.build()?;
    serve!(move || {
        App::new()
            .wrap(salver.middleware())
            .service(show)
            .service(save)
            .service(index)
    })
}

#[get("/page")]
async fn show() -> HttpResponse {
    page::empty()
}

#[post("/page")]
async fn save(messages: Messages) -> HttpResponse {
    messages.success(TEXT).await;
    page::see_other()
}

/// Responds with the state of the pending index.
#[get("/index")]
async fn index(salver: Salver) -> String {
    format!("{:?}", salver.health().await.pending_index())
}
