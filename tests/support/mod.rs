//! Test support: real servers, real browsers, spies.

pub mod accessibility_tree;
pub mod acl;
pub mod arguments;
pub mod broker_process;
pub mod browser;
pub mod bulk_subscriptions;
pub mod certificates;
pub mod cluster;
pub mod cluster_streams;
pub mod conformance;
pub mod event_stream;
pub mod example_programs;
pub mod fault_site;
pub mod history;
pub mod in_process_site;
pub mod inbox_history;
pub mod inbox_site;
pub mod inboxes;
pub mod indexed_site;
pub mod languages;
pub mod live_site;
pub mod logs;
pub mod mail_history;
pub mod mail_pages;
pub mod many_streams;
pub mod metrics;
pub mod model_test;
pub mod monitor;
pub mod processes;
pub mod profile;
pub mod program_worker;
pub mod proxy;
pub mod redis;
pub mod refusals;
pub mod resources;
pub mod schemathesis;
pub mod sentinels;
pub mod site;
pub mod site_process;
pub mod smtp_server;
pub mod spy;
pub mod subscriber;
pub mod test_clock;
pub mod webhook_receiver;
pub mod webhooks;
pub mod worker_process;
pub mod xss_payloads;

use std::future::Future;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use salver::wire::EncodedMessage;
use salver::{Context, Message, SessionId, View};
use sha2::{Digest, Sha256};

/// Creates a session id from a readable name.
pub fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// Returns the session of a visitor whose cookie has this token.
pub fn session_of_token(app: &str, token: &str) -> SessionId {
    let digest = Sha256::digest(["salver1", app, token].join("\0"));
    session(&URL_SAFE_NO_PAD.encode(digest)[..22])
}

/// Creates a context in the application `app`.
pub fn at(session_name: &str, view: &str) -> Context {
    let view = View::try_from(view.to_owned()).unwrap();
    Context::new("app", session(session_name), view).unwrap()
}

/// Encodes messages as a handle does for its store.
pub fn encode_all(messages: impl IntoIterator<Item = Message>) -> Vec<EncodedMessage> {
    let encoded = messages.into_iter().map(EncodedMessage::new);
    encoded.collect::<Result<_, _>>().unwrap()
}

/// Polls every 5 milliseconds until `poll` returns a value. Panics after 10 seconds.
pub async fn eventually<T, F, Fut>(condition: &str, poll: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    eventually_within(Duration::from_secs(10), condition, poll).await
}

/// Polls every 5 milliseconds until `poll` returns a value. Panics after this time.
pub async fn eventually_within<T, F, Fut>(time: Duration, condition: &str, mut poll: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(value) = poll().await {
            return value;
        }
        assert!(
            started.elapsed() < time,
            "not within {} seconds: {condition}",
            time.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
