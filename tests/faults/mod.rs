//! The promises under faults: each test prints one row of the table, `FAULT <test> n=… lost=…`.
//!
//! `tests/run faults` runs the column for every commit; with `SALVER_TEST_FULL=1`, which `tests/run --long faults`
//! sets, the long one. The page `salver::docs::promises` names the test of each sentence.

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
mod tls_and_auth;
mod xss_payloads;

use std::collections::HashSet;
use std::time::Duration;

use salver::store::RedisStore;
use salver::{Context, MessageId, Salver};

use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;

/// How late the index is told with `SALVER_TEST_INDEX=late`; with `off` there is none.
pub const LATE: Duration = Duration::from_millis(50);

/// How many: few enough for every commit, or as many as the long column asks for.
pub fn column(ci: usize, long: usize) -> usize {
    if std::env::var_os("SALVER_TEST_FULL").is_some() {
        long
    } else {
        ci
    }
}

/// Reads what is still there, visible or not, by a connection of the test's own.
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

/// A handle with a lease that a test can wait for, and room for what piles up while nobody can read.
pub fn salver(url: &str) -> Salver {
    let (url, index) = index(url);
    Salver::builder("app")
        .store(RedisStore::new(&url).unwrap())
        .lease(Duration::from_secs(1))
        .max_messages(1_000)
        .pending_index(index)
        .build()
        .unwrap()
}

/// Gives the address at which the server tells of changes when `SALVER_TEST_INDEX` says, and whether it is listened
/// to.
pub fn index(url: &str) -> (String, bool) {
    match std::env::var("SALVER_TEST_INDEX").as_deref() {
        Ok("off") => (url.to_owned(), false),
        Ok("late") => (late(url), true),
        _ => (url.to_owned(), true),
    }
}

/// Gives an address at which the server tells of changes late, until this process ends.
fn late(url: &str) -> String {
    let (proxy, there) = Proxy::doing(Fault::LatePushes(LATE), url);
    Box::leak(Box::new(proxy));
    there
}
