//! The pending index: idle pages send no query, and no page misses a message.

mod disconnects;
mod hint;
mod listen;
mod pages;
mod runtime_shutdown;

use std::time::Duration;

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::{Error, web};
use salver::store::RedisStore;
use salver::{Context, Salver, SalverBuilder};

use crate::support::eventually;
use crate::support::redis::Server;
use crate::support::spy::{Report, SpyStore};
use crate::web::site::{PAGE, WebTestSite, html, site_of_ada};

/// Returns the handle of one process, which has its own connections, and a report of its store
/// calls.
fn process(url: &str) -> (Salver, Report) {
    process_with(url, |salver| salver)
}

fn process_with(
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

/// Returns the ids of the connections with client tracking in broadcasting mode.
pub fn tracking_connections(server: &Server) -> Vec<String> {
    let clients: String = server.run(&[b"CLIENT", b"LIST", b"TYPE", b"pubsub"]);
    let is_tracking = |client: &&str| {
        let mut fields = client.split(' ');
        fields.any(|field| field.starts_with("flags=") && field.contains('B'))
    };
    let ids = clients.lines().filter(is_tracking);
    ids.filter_map(|client| client.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// Writes a message by a bare ZADD, as an external writer does.
pub fn external_zadd(server: &Server, context: &Context, text: &str) {
    let id = uuid::Uuid::now_v7();
    let member = format!(r#"{{"id":"{id}","v":1,"level":"info","text":"{text}"}}"#);
    let score = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let score = score.unwrap().as_millis() - Duration::from_secs(1).as_millis();
    let (key, score) = (context.key(), score.to_string());
    let _: u64 = server.run(&[b"ZADD", key.as_bytes(), score.as_bytes(), member.as_bytes()]);
}
