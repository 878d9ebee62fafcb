//! The conformance tests of stores, each run on each store.

use std::sync::Arc;

use salver::Salver;
use salver::store::conformance::StoreUnderTest;
use salver::store::{Clock, MemoryStore, RedisStore, Store};

use crate::support::conformance::on_memory;
use crate::support::eventually;
use crate::support::redis::{Server, tracking_connections};
use crate::support::site::site_of_ada;

/// The example runs the tests on its own store, here as under its own command.
#[path = "../../examples/custom_store.rs"]
#[expect(
    dead_code,
    reason = "the main function of the example does not run here"
)]
mod custom;

mod cluster;

mod memory {
    salver::conformance_tests! { super::memory() }
}

mod redis_server {
    salver::conformance_tests! { super::redis().await }
}

fn memory() -> StoreUnderTest {
    let clock = Clock::manual();
    let store = Arc::new(MemoryStore::with_clock(clock.clone()));
    on_memory(store.clone(), store, clock)
}

/// Returns the Redis store as processes with pages use it: its reads update the pending index.
async fn redis() -> StoreUnderTest {
    let server = Server::start();
    let (url, index) = crate::support::profile::index_mode(&server.url());
    let store = RedisStore::new(&url).unwrap();
    let pages = Salver::builder("app").store(store.clone());
    let pages = pages.pending_index(index).build().unwrap();
    let _site = site_of_ada(&pages, |_| ()).await;
    eventually(
        "the tracking connection is open, if the index is enabled",
        async || (tracking_connections(&server).len() == usize::from(index)).then_some(()),
    )
    .await;
    on_redis(Arc::new(store), Arc::new(server))
}

/// Returns a store under test that stores everything on this server.
fn on_redis(store: Arc<dyn Store>, server: Arc<Server>) -> StoreUnderTest {
    StoreUnderTest::new(store, move |context, member| {
        let (seconds, micros): (u64, u64) = server.run(&[b"TIME"]);
        let now = (seconds * 1000 + micros / 1000).to_string();
        let key = context.key();
        let zadd: [&[u8]; 5] = [b"ZADD", key.as_bytes(), b"NX", now.as_bytes(), &member];
        server.run::<()>(&zadd);
        async {}
    })
}
