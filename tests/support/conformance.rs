//! Stores under test.

use std::sync::Arc;

use salver::store::conformance::StoreUnderTest;
use salver::store::{Clock, MemoryStore, Store};

/// Returns a store under test that wraps a memory store, or is the memory store itself.
pub fn on_memory(store: Arc<dyn Store>, inner: Arc<MemoryStore>, clock: Clock) -> StoreUnderTest {
    StoreUnderTest::new(store, move |context, member| {
        inner.put_member(&context, member);
        async {}
    })
    .with_clock(move |time| {
        clock.advance(time);
        async {}
    })
}
