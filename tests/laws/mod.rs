//! The laws of a store, each one test for each store.

use std::sync::Arc;

use salver::store::conformance::Subject;
use salver::store::{Clock, MemoryStore, RedisStore, Store};

use crate::support::redis::Server;

/// The example puts its own store to the laws, here as by its own command.
#[path = "../../examples/custom_store.rs"]
#[expect(dead_code, reason = "the example's own main does not run here")]
mod custom;

mod cluster;

mod memory {
    salver::store_laws! { super::memory() }
}

mod redis_server {
    salver::store_laws! { super::redis() }
}

fn memory() -> Subject {
    let clock = Clock::manual();
    let store = Arc::new(MemoryStore::with_clock(clock.clone()));
    around(store.clone(), store, clock)
}

/// Puts a store on trial that stands before a memory store.
pub fn around(store: Arc<dyn Store>, inner: Arc<MemoryStore>, clock: Clock) -> Subject {
    Subject::new(store, move |context, member| {
        inner.put_member(&context, member);
        async {}
    })
    .with_time(move |time| {
        clock.advance(time);
        async {}
    })
}

fn redis() -> Subject {
    let server = Server::start();
    let store = Arc::new(RedisStore::new(&server.url()).unwrap());
    before(store, Arc::new(server))
}

/// Puts a store on trial that keeps everything on this server.
fn before(store: Arc<dyn Store>, server: Arc<Server>) -> Subject {
    Subject::new(store, move |context, member| {
        let (seconds, micros): (u64, u64) = server.run(&[b"TIME"]);
        let now = (seconds * 1000 + micros / 1000).to_string();
        let key = context.key();
        let zadd: [&[u8]; 5] = [b"ZADD", key.as_bytes(), b"NX", now.as_bytes(), &member];
        server.run::<()>(&zadd);
        async {}
    })
}
