//! `Salver::listen`: changes of a context are reported without polling.

use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Context, Message, Salver, View};
use tokio::time::timeout;

use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::{Server, external_zadd, tracking_connections};
use crate::support::{at, eventually, session};

/// Long enough for any change to be reported on a busy machine, and shorter than the fallback poll.
const REPORT_TIMEOUT: Duration = Duration::from_millis(700);

fn redis(url: &str) -> Salver {
    Salver::new("app", RedisStore::new(url).unwrap()).unwrap()
}

/// Returns a listener that is tracked. Until then it reports a change once a second.
async fn tracked_listener(salver: &Salver) -> salver::store::Listener {
    let context = at("ada", "p");
    let mut listener = salver.listen(&context);
    for _ in 0..10 {
        while timeout(Duration::from_millis(20), listener.changed())
            .await
            .is_ok()
        {}
        if timeout(Duration::from_millis(1_200), listener.changed())
            .await
            .is_err()
        {
            return listener;
        }
    }
    panic!("the listener is never tracked");
}

#[tokio::test]
async fn listener_reports_changes_of_its_context_only() {
    let server = Server::start();
    for (salver, other) in [
        (Salver::memory("app").unwrap(), None),
        (redis(&server.url()), Some(redis(&server.url()))),
    ] {
        let other = other.unwrap_or_else(|| salver.clone());
        let mut listener = tracked_listener(&salver).await;
        for context in [at("ada", "p"), at("ada", "p").with_view(View::ANY)] {
            other.add(&context, Message::info("text")).await.unwrap();
            timeout(REPORT_TIMEOUT, listener.changed())
                .await
                .expect("no change was reported");
            while timeout(Duration::from_millis(50), listener.changed())
                .await
                .is_ok()
            {}
        }
        for context in [at("ada", "q"), at("bob", "p")] {
            other.add(&context, Message::info("text")).await.unwrap();
            let reported = timeout(Duration::from_millis(100), listener.changed()).await;
            assert!(reported.is_err(), "a change of {context:?} was reported");
        }
    }
}

/// Changes are kept while the listener is not polled, and are reported as one.
#[tokio::test]
async fn unpolled_changes_are_kept_and_merged() {
    let salver = Salver::memory("app").unwrap();
    let context = at("ada", "p");
    let mut listener = salver.listen(&context);
    for _ in 0..100 {
        salver.add(&context, Message::info("text")).await.unwrap();
    }
    timeout(REPORT_TIMEOUT, listener.changed())
        .await
        .expect("the changes were not kept");
    let second = timeout(Duration::from_millis(100), listener.changed()).await;
    assert!(second.is_err(), "100 changes were reported more than once");
}

#[tokio::test]
async fn external_zadd_is_reported() {
    let server = Server::start();
    let salver = redis(&server.url());
    let mut listener = tracked_listener(&salver).await;
    external_zadd(&server, &at("ada", "p"), "from a shell");
    timeout(REPORT_TIMEOUT, listener.changed())
        .await
        .expect("no change was reported");
}

/// `FLUSHALL` names no context, so each context may have changed.
#[tokio::test]
async fn flushall_is_reported_to_every_listener() {
    let server = Server::start();
    let salver = redis(&server.url());
    let mut listener = tracked_listener(&salver).await;
    let _: String = server.run(&[b"FLUSHALL"]);
    timeout(REPORT_TIMEOUT, listener.changed())
        .await
        .expect("no change was reported");
}

#[tokio::test]
async fn listeners_share_one_connection() {
    let server = Server::start();
    let salver = redis(&server.url());
    let mut listeners: Vec<_> = (0..1000)
        .map(|n| salver.listen(&at(&format!("v{n}"), "p")))
        .collect();
    let _tracked = tracked_listener(&salver).await;
    assert_eq!(tracking_connections(&server).len(), 1);
    while timeout(Duration::from_millis(20), listeners[7].changed())
        .await
        .is_ok()
    {}
    salver
        .add(&at("v7", "p"), Message::info("text"))
        .await
        .unwrap();
    timeout(REPORT_TIMEOUT, listeners[7].changed())
        .await
        .expect("no change was reported");
}

/// A disconnected listener reports a change immediately after the disconnect, and then once a
/// second.
#[tokio::test]
async fn disconnected_listener_reports_once_a_second() {
    let server = Server::start();
    let (proxy, url) = Proxy::with_fault(Fault::None, &server.url());
    let salver = redis(&url);
    let mut listener = tracked_listener(&salver).await;
    proxy.set(Fault::Refuse);
    timeout(REPORT_TIMEOUT, listener.changed())
        .await
        .expect("the disconnect was not reported");
    for _ in 0..3 {
        let started = Instant::now();
        timeout(Duration::from_secs(3), listener.changed())
            .await
            .expect("no change was reported");
        let waited = started.elapsed().as_millis();
        assert!((500..1_500).contains(&waited), "{waited} ms: once a second");
    }
    proxy.set(Fault::None);
    let other = redis(&server.url());
    other
        .add(&at("ada", "p"), Message::info("text"))
        .await
        .unwrap();
    timeout(Duration::from_secs(3), listener.changed())
        .await
        .expect("no change was reported");
}

/// A change during a disconnect is reported after the reconnect, also to a listener that is not
/// polled meanwhile.
#[tokio::test]
async fn change_while_disconnected_is_reported() {
    let server = Server::start();
    let (proxy, url) = Proxy::with_fault(Fault::None, &server.url());
    let salver = redis(&url);
    let mut listener = tracked_listener(&salver).await;
    proxy.set(Fault::Refuse);
    timeout(REPORT_TIMEOUT, listener.changed())
        .await
        .expect("the disconnect was not reported");
    external_zadd(&server, &at("ada", "p"), "from a shell");
    proxy.set(Fault::None);
    // The listener is not polled until the resync has completed.
    let _other = tracked_listener(&salver).await;
    timeout(Duration::from_millis(100), listener.changed())
        .await
        .expect("the change during the disconnect was not reported");
}

/// A listener that outlives its store does not wait forever.
#[tokio::test]
async fn listener_reports_end_of_store() {
    let server = Server::start();
    let salver = redis(&server.url());
    let mut listener = tracked_listener(&salver).await;
    drop(salver);
    timeout(REPORT_TIMEOUT, listener.changed())
        .await
        .expect("the end of the store was not reported");
}

/// With application names from untrusted input, a process has at most one connection for each
/// listener, and one more.
/// Returns how many key prefixes the server tracks.
fn tracked_prefixes(server: &Server) -> usize {
    let info: String = server.run(&[b"INFO", b"stats"]);
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("tracking_total_prefixes:"));
    line.unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn untrusted_app_names_keep_prefixes_bounded() {
    let server = Server::start();
    // The default user, because the documented permissions are for one application.
    let salver = redis(&format!("redis://127.0.0.1:{}", server.port));
    let mut kept = tracked_listener(&salver).await;
    for n in 0..200 {
        let context = Context::new(format!("untrusted{n}"), session("ada"), View::ANY);
        let listener = salver.listen(&context.unwrap());
        eventually("the prefix is tracked", async || {
            (tracked_prefixes(&server) >= 2).then_some(())
        })
        .await;
        drop(listener);
        assert!(tracked_prefixes(&server) <= 80);
    }
    while timeout(Duration::from_millis(20), kept.changed())
        .await
        .is_ok()
    {}
    external_zadd(&server, &at("ada", "p"), "for the kept listener");
    timeout(Duration::from_secs(10), kept.changed())
        .await
        .expect("the kept listener receives no reports");
}

#[tokio::test]
async fn apps_share_one_tracking_connection() {
    let server = Server::start();
    let salver = redis(&format!("redis://127.0.0.1:{}", server.port));
    let mut one = tracked_listener(&salver).await;
    let context = Context::new("other", session("ada"), View::ANY).unwrap();
    let mut other = salver.listen(&context);
    eventually("both prefixes are tracked", async || {
        (tracked_prefixes(&server) == 2).then_some(())
    })
    .await;
    for listener in [&mut one, &mut other] {
        while timeout(Duration::from_millis(1_200), listener.changed())
            .await
            .is_ok()
        {}
    }

    external_zadd(&server, &context, "for the other app");
    let reported = timeout(REPORT_TIMEOUT, other.changed()).await;
    reported.expect("no change of the other app was reported");
    let reported = timeout(Duration::from_millis(100), one.changed()).await;
    reported.expect_err("a change of another app was reported");
    assert_eq!(tracking_connections(&server).len(), 1);
}
