//! Salver: the middleware fills the slot, and the handler that shows the page does not know.

use std::time::Duration;

use actix_web::{App, HttpResponse, get, post};
use rivals::{Outcome, TEXT};
use salver::{Messages, SalverBuilder};

use crate::page;
use crate::serve::serve;

/// Long enough that no page goes out without its messages because the machine is busy: the rivals wait as long
/// as it takes.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(builder: SalverBuilder) -> Outcome {
    let patient = builder.page_budget(PATIENCE).add_budget(PATIENCE);
    let salver = patient.build()?;
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
