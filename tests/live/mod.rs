//! Messages on open pages.

mod accessibility;
mod appearance;
mod assets;
mod cluster;
mod confirm;
mod cross_origin;
mod harness;
mod modals;
mod other_sites;
mod pages;
mod stalled_reader;
mod stream;
mod tabs;
mod ten_thousand_streams;

use salver::store::RedisStore;
use salver::{Salver, SalverBuilder};

use crate::support::redis::Server;

/// Returns a handle on the memory store, and one on a Redis server that the caller keeps running.
fn on_both_stores(set: impl Fn(SalverBuilder) -> SalverBuilder) -> [(Salver, Option<Server>); 2] {
    let server = Server::start();
    let redis = Salver::builder("app").store(RedisStore::new(&server.url()).unwrap());
    [
        (set(Salver::builder("app")).build().unwrap(), None),
        (set(redis).build().unwrap(), Some(server)),
    ]
}
