//! What tests stand on: real servers, real browsers, spies.

pub mod acl;
pub mod app;
pub mod browser;
pub mod certificates;
pub mod cluster;
pub mod history;
pub mod logs;
pub mod metrics;
pub mod monitor;
pub mod processes;
pub mod proxy;
pub mod redis;
pub mod sentinels;
pub mod spy;

use std::future::Future;
use std::time::{Duration, Instant};

use salver::{Context, SessionId, View};

/// A session whose name says whose it is.
pub fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// An address in the application `app`.
pub fn at(session_name: &str, view: &str) -> Context {
    let view = View::try_from(view.to_owned()).unwrap();
    Context::new("app", session(session_name), view).unwrap()
}

/// Asks until the answer is there; fails when it does not come in 10 seconds.
pub async fn eventually<T, F, Asked>(what: &str, mut ask: F) -> T
where
    F: FnMut() -> Asked,
    Asked: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "it never came to this: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
