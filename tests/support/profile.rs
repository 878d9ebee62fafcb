//! The profile of a run: how many rounds, and which pending index.

use std::time::Duration;

use salver::Salver;
use salver::store::RedisStore;

use crate::support::proxy::{Fault, Proxy};

/// Delay of the invalidations with `SALVER_TEST_INDEX=late`. With `off` the pending index is
/// disabled.
pub const PUSH_DELAY: Duration = Duration::from_millis(50);

/// Returns `default`, which is small enough for every commit, or `full` in the full profile.
pub fn by_profile(default: usize, full: usize) -> usize {
    if std::env::var_os("SALVER_TEST_FULL").is_some() {
        full
    } else {
        default
    }
}

/// Creates a handle with a lease short enough to wait for. A context holds 1,000 messages, so that
/// none is displaced while readers are blocked.
pub fn salver(url: &str) -> Salver {
    let (url, index) = index_mode(url);
    Salver::builder("app")
        .store(RedisStore::new(&url).unwrap())
        .lease(Duration::from_secs(1))
        .max_messages(1_000)
        .pending_index(index)
        .build()
        .unwrap()
}

/// Returns the address to connect to and whether to enable the pending index, according to
/// `SALVER_TEST_INDEX`.
pub fn index_mode(url: &str) -> (String, bool) {
    match std::env::var("SALVER_TEST_INDEX").as_deref() {
        Ok("off") => (url.to_owned(), false),
        Ok("late") => (with_delayed_invalidations(url), true),
        _ => (url.to_owned(), true),
    }
}

/// Returns the address of a proxy that delays invalidations. It runs until this process ends.
fn with_delayed_invalidations(url: &str) -> String {
    let (proxy, url) = Proxy::with_fault(Fault::DelayPushes(PUSH_DELAY), url);
    Box::leak(Box::new(proxy));
    url
}
