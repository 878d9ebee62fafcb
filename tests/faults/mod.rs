//! The guarantees under faults. Each scenario prints one row of the fault table, which begins with
//! `FAULT <scenario> n=…`.
//!
//! `tests/run faults` runs the default profile. `tests/run --full faults` sets `SALVER_TEST_FULL=1`
//! and runs the full profile. The page `salver::docs::guarantees` names the test of each sentence.

mod acl;
mod cancellation;
mod cluster;
mod concurrent_tabs;
mod crashes;
mod error_replies;
mod failover;
mod failover_clients;
mod fault_matrix;
mod injection;
mod inputs;
mod model;
pub mod process;
mod replicas;
mod response_bodies;
mod secrets;
mod session_lifecycle;
mod shared_cache;
pub mod site;
mod stops;
mod tls_and_auth;
mod xss_payloads;

use std::collections::HashSet;
use std::time::Duration;

use salver::store::RedisStore;
use salver::{Context, MessageId, Salver};

use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;

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

/// Returns the ids of all messages in these contexts, visible or not, read over a separate
/// connection.
pub fn pending(server: &Server, contexts: &[Context]) -> HashSet<MessageId> {
    let mut connection = server.connect();
    let mut ids = HashSet::new();
    for context in contexts {
        let mut range = redis::cmd("ZRANGE");
        let range = range.arg(context.key()).arg(0).arg(-1);
        let members: Vec<String> = range.query(&mut connection).unwrap();
        ids.extend(
            members
                .iter()
                .map(|member| member[7..43].parse::<MessageId>().unwrap()),
        );
    }
    ids
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
