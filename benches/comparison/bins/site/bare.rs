//! The handlers alone, without messages: the cost of a page itself.

use actix_web::cookie::Cookie;
use actix_web::{App, HttpResponse, get, post};
use comparison::Result;

use crate::page;
use crate::serve::serve;

/// As long as Salver's session cookie, so that requests to both sites have the same size.
const COOKIE: &str = "0123456789012345678901234567890123456789012";

pub(crate) async fn run() -> Result {
    serve!(|| App::new().service(show).service(save))
}

#[get("/page")]
async fn show() -> HttpResponse {
    page::empty()
}

#[post("/page")]
async fn save() -> actix_web::Result<HttpResponse> {
    let mut response = page::see_other();
    response.add_cookie(&Cookie::new("salver", COOKIE))?;
    Ok(response)
}
