//! The laws of a store, each one test for each store.

use std::sync::Arc;

use salver::Salver;
use salver::store::conformance::StoreUnderTest;
use salver::store::{Clock, MemoryStore, RedisStore, Store};

use crate::index::listening;
use crate::support::eventually;
use crate::support::redis::Server;
use crate::web::site::adas_site;

/// The example puts its own store to the laws, here as by its own command.
#[path = "../../examples/custom_store.rs"]
#[expect(dead_code, reason = "the example's own main does not run here")]
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
    around(store.clone(), store, clock)
}

/// Puts a store on trial that stands before a memory store.
pub fn around(store: Arc<dyn Store>, inner: Arc<MemoryStore>, clock: Clock) -> StoreUnderTest {
    StoreUnderTest::new(store, move |context, member| {
        inner.put_member(&context, member);
        async {}
    })
    .with_clock(move |time| {
        clock.advance(time);
        async {}
    })
}

/// Puts the Redis store on trial as processes with pages use it: what is looked at goes through the index.
async fn redis() -> StoreUnderTest {
    let server = Server::start();
    let (url, index) = crate::faults::index(&server.url());
    let store = RedisStore::new(&url).unwrap();
    let pages = Salver::builder("app").store(store.clone());
    let pages = pages.pending_index(index).build().unwrap();
    let _site = adas_site(&pages, |_| ()).await;
    eventually(
        "the server tells of changes, if anybody listens",
        async || (listening(&server).len() == usize::from(index)).then_some(()),
    )
    .await;
    before(Arc::new(store), Arc::new(server))
}

/// Puts a store on trial that keeps everything on this server.
fn before(store: Arc<dyn Store>, server: Arc<Server>) -> StoreUnderTest {
    StoreUnderTest::new(store, move |context, member| {
        let (seconds, micros): (u64, u64) = server.run(&[b"TIME"]);
        let now = (seconds * 1000 + micros / 1000).to_string();
        let key = context.key();
        let zadd: [&[u8]; 5] = [b"ZADD", key.as_bytes(), b"NX", now.as_bytes(), &member];
        server.run::<()>(&zadd);
        async {}
    })
}
