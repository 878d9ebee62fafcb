//! A process with a pending index, and its store calls.

use std::time::Duration;

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::{Error, web};
use salver::store::RedisStore;
use salver::{Salver, SalverBuilder};

use crate::support::eventually;
use crate::support::site::{PAGE, WebTestSite, html, site_of_ada};
use crate::support::spy::{Report, SpyStore};

/// Returns the handle of one process, which has its own connections, and a report of its store
/// calls.
pub fn process(url: &str) -> (Salver, Report) {
    process_with(url, |salver| salver)
}

pub fn process_with(
    url: &str,
    configure: impl FnOnce(SalverBuilder) -> SalverBuilder,
) -> (Salver, Report) {
    process_on(RedisStore::new(url).unwrap(), configure)
}

pub fn process_on(
    store: RedisStore,
    configure: impl FnOnce(SalverBuilder) -> SalverBuilder,
) -> (Salver, Report) {
    let (store, report) = SpyStore::wrap(store);
    // A long timeout, so that no page misses its messages because the machine is slow.
    let salver = Salver::builder("app")
        .store(store)
        .page_timeout(Duration::from_secs(2));
    let salver = configure(salver).build().unwrap();
    (salver, report)
}

/// Returns a site with the page `/p`, on which the session of each request is Ada's.
pub async fn one_page_site(
    salver: &Salver,
) -> WebTestSite<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>>
{
    site_of_ada(salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await
}

/// Requests a page until it is served without a query.
pub async fn wait_until_idle<F: Future>(report: &Report, page: impl Fn() -> F) {
    eventually("the page is served without a query", async || {
        report.take();
        page().await;
        report.take().is_empty().then_some(())
    })
    .await;
}
