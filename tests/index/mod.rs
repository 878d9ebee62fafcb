//! The pending index: pages that do not ask, and miss nothing.

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
use crate::web::site::{PAGE, Site, adas_site, html};

/// The handle of one process: connections of its own, and a report of what it asks.
fn process(url: &str) -> (Salver, Report) {
    process_with(url, |salver| salver)
}

fn process_with(url: &str, set: impl FnOnce(SalverBuilder) -> SalverBuilder) -> (Salver, Report) {
    process_on(RedisStore::new(url).unwrap(), set)
}

pub fn process_on(
    store: RedisStore,
    set: impl FnOnce(SalverBuilder) -> SalverBuilder,
) -> (Salver, Report) {
    let (store, report) = SpyStore::before(store);
    // Of what is shown late here, nothing is the machine's doing.
    let salver = Salver::builder("app")
        .store(store)
        .page_timeout(Duration::from_secs(2));
    let salver = set(salver).build().unwrap();
    (salver, report)
}

/// A site with the one page `/p`, whose every visitor is Ada.
pub async fn site_of_a_page(
    salver: &Salver,
) -> Site<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>> {
    adas_site(salver, |app| {
        _ = app.route("/p", web::get().to(|| async { html(PAGE) }))
    })
    .await
}

/// Asks for a page until it is known that there is nothing on it.
pub async fn settled<F: Future>(report: &Report, page: impl Fn() -> F) {
    eventually("pages know without asking", async || {
        report.take();
        page().await;
        report.take().is_empty().then_some(())
    })
    .await;
}

/// Names the connections on which the server tells of changes.
pub fn listening(server: &Server) -> Vec<String> {
    let clients: String = server.run(&[b"CLIENT", b"LIST", b"TYPE", b"pubsub"]);
    let is_told = |client: &&str| {
        let mut words = client.split(' ');
        words.any(|word| word.starts_with("flags=") && word.contains('B'))
    };
    let ids = clients.lines().filter(is_told);
    ids.filter_map(|client| client.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// Writes a message past Salver, as somebody at a shell would.
pub fn foreign_zadd(server: &Server, context: &Context, text: &str) {
    let id = uuid::Uuid::now_v7();
    let member = format!(r#"{{"id":"{id}","v":1,"level":"info","text":"{text}"}}"#);
    let score = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let score = score.unwrap().as_millis() - Duration::from_secs(1).as_millis();
    let (key, score) = (context.key(), score.to_string());
    let _: u64 = server.run(&[b"ZADD", key.as_bytes(), score.as_bytes(), member.as_bytes()]);
}
