//! What a page loads from Salver.

use actix_web::dev::HttpServiceFactory;
use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::{STYLESHEET, Salver};

impl Salver {
    /// Serves what pages load: `App::new().service(salver.routes())`.
    ///
    /// One route: `/salver/salver.css`, the stylesheet, cached for an hour.
    pub fn routes(&self) -> impl HttpServiceFactory + 'static {
        web::scope("/salver").route("/salver.css", web::get().to(stylesheet))
    }
}

async fn stylesheet() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(STYLESHEET)
}
