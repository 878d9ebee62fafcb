//! The handle: configuration, timeouts, session migration, dropped claims, health and metrics.

use std::time::Duration;

use futures_util::future::join_all;
use salver::store::{IssueKind, Limits, MemoryStore, RedisStore, Store, WhenFull};
use salver::{Level, Message, MessageId, Salver, View, assert_messages};

use crate::support::logs::Logs;
use crate::support::metrics::RecordedMetrics;
use crate::support::processes::scratch;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::support::spy::SpyStore;
use crate::support::{at, encode_all, eventually, session};

#[tokio::test]
async fn message_below_minimum_level_is_not_added() {
    let salver = Salver::builder("app")
        .minimum_level(Level::Success)
        .build()
        .unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    let batch = vec![Message::info("below"), Message::success("at the level")];
    assert_eq!(salver.add_all(&context, batch).await.unwrap().messages, 1);
    assert_eq!(
        salver
            .add(&context, Message::debug("far below"))
            .await
            .unwrap()
            .messages,
        0
    );
    assert_messages!(salver, session("ada"), "settings", [Success "at the level"]);
}

#[tokio::test]
async fn full_context_rejects_add_when_configured() {
    let builder = Salver::builder("app")
        .max_messages(1)
        .when_full(WhenFull::Reject);
    let salver = builder.build().unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    salver.add(&context, Message::info("1")).await.unwrap();
    let rejected = salver.add(&context, Message::info("2")).await.unwrap_err();
    assert!(
        rejected.is_full() && rejected.to_string().contains("full"),
        "{rejected}"
    );
}

#[tokio::test]
async fn add_follows_migrated_session() {
    let salver = Salver::memory("app").unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    salver
        .migrate(&session("ada"), &session("bob"))
        .await
        .unwrap();
    salver
        .migrate(&session("bob"), &session("eve"))
        .await
        .unwrap();
    salver.add(&context, Message::info("late")).await.unwrap();
    assert_messages!(salver, session("eve"), "settings", [Info "late"]);
    salver
        .migrate(&session("eve"), &session("ada"))
        .await
        .unwrap();
    salver
        .add(&context, Message::info("after the third migration"))
        .await
        .unwrap();
    assert_messages!(salver, session("ada"), "settings", [Info "late", Info "after the third migration"]);
}

#[tokio::test]
async fn page_shows_messages_of_its_view_and_any_view() {
    let salver = Salver::memory("app").unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    salver.add(&context, Message::info("own")).await.unwrap();
    let any = salver.context(session("ada"), View::ANY).unwrap();
    salver.add(&any, Message::warning("any")).await.unwrap();
    assert_messages!(salver, session("ada"), "settings", [Info "own", Warning "any"]);
    assert_messages!(salver, session("ada"), "elsewhere", [Warning "any"]);
    assert_eq!(salver.count(&context).await.unwrap(), 1);
    assert_eq!(
        salver.contexts(&session("ada")).await.unwrap(),
        [any, context]
    );
}

#[tokio::test]
async fn applications_on_one_store_are_isolated() {
    let shop = Salver::memory("shop").unwrap();
    let blog = shop.with_app("blog").unwrap();
    let context = shop.context(session("ada"), "settings").unwrap();
    shop.add(&context, Message::info("shop's")).await.unwrap();
    assert_messages!(shop, session("ada"), "settings", [Info "shop's"]);
    assert_messages!(blog, session("ada"), "settings", []);
}

#[tokio::test]
async fn difference_lists_expected_and_actual_messages() {
    let salver = Salver::memory("app").unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    salver
        .add_all(
            &context,
            vec![Message::info("same"), Message::info("actual")],
        )
        .await
        .unwrap();
    let expected = [
        (Level::Info, "same"),
        (Level::Error, "expected"),
        (Level::Info, "more"),
    ];
    let ada = session("ada");
    let difference = salver::testing::difference(&salver, &ada, "settings", &expected);
    assert_eq!(
        difference.await.unwrap(),
        "the messages on `settings` differ (- expected, + actual):\n    \
         info    same\n  - error   expected\n  + info    actual\n  - info    more\n"
    );
}

#[tokio::test]
async fn retract_removes_by_tag_or_id() {
    let salver = Salver::memory("app").unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    let message = Message::info("x");
    let id: MessageId = message.id();
    salver
        .add_all(&context, vec![message, Message::info("y").tag("t")])
        .await
        .unwrap();
    assert_eq!(salver.retract(&context, id).await.unwrap(), 1);
    assert_eq!(salver.retract(&context, "t").await.unwrap(), 1);
    let rejected = salver.retract(&context, "no tag\n").await.unwrap_err();
    assert_eq!(rejected.field(), Some("tag"));
}

#[tokio::test]
async fn add_without_reply_is_in_doubt_and_repeatable() {
    let (store, report) = SpyStore::new();
    let salver = Salver::builder("app")
        .store(store)
        .call_timeout(Duration::from_millis(20));
    let salver = salver.build().unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    let message = Message::info("once");
    report.slow(Duration::from_secs(5));
    let error = salver.add(&context, message.clone()).await.unwrap_err();
    assert!(
        error.is_in_doubt() && error.retry_after().is_some(),
        "{error}"
    );
    report.slow(Duration::ZERO);
    salver.add(&context, message.clone()).await.unwrap();
    salver.add(&context, message).await.unwrap();
    assert_messages!(salver, session("ada"), "settings", [Info "once"]);
}

#[tokio::test]
async fn dropped_claim_is_released() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    salver.add(&context, Message::info("kept")).await.unwrap();
    report.slow(Duration::from_millis(100));
    let claim = tokio::time::timeout(Duration::from_millis(20), salver.claim(&context)).await;
    assert!(claim.is_err(), "the claim was dropped before its reply");
    report.slow(Duration::ZERO);
    eventually("the claim is released", async || {
        report.calls().contains(&"release").then_some(())
    })
    .await;
    salver.flush().await;
    assert_messages!(salver, session("ada"), "settings", [Info "kept"]);
}

#[tokio::test]
async fn memory_store_respects_max_bytes() {
    let store = MemoryStore::new().max_bytes(20_000);
    let salver = Salver::new("app", store).unwrap();
    for n in 0..100 {
        let context = salver
            .context(session(&format!("visitor-{n}")), "settings")
            .unwrap();
        salver
            .add(&context, Message::info("x".repeat(1000)))
            .await
            .unwrap();
    }
    assert_messages!(salver, session("visitor-0"), "settings", []);
    let last = salver.context(session("visitor-99"), "settings").unwrap();
    assert_eq!(salver.count(&last).await.unwrap(), 1);
}

#[test]
fn handle_outlives_its_runtimes() {
    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    for n in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let context = salver.context(session("ada"), "settings").unwrap();
            assert_eq!(salver.count(&context).await.unwrap(), n);
            salver.add(&context, Message::info("x")).await.unwrap();
            let claim = salver.claim(&context).await.unwrap();
            salver.release(claim).await.unwrap();
            // The task is dropped with the runtime. The shared connection must not belong to that
            // runtime.
            drop(tokio::spawn({
                let salver = salver.clone();
                async move { salver.peek(&context).await }
            }));
        });
    }
}

#[tokio::test]
async fn unreachable_redis_is_reported_and_lost_connection_reopened() {
    let port = crate::support::processes::free_port();
    let salver = Salver::redis("app", &format!("redis://127.0.0.1:{port}")).unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    let error = salver.add(&context, Message::info("x")).await.unwrap_err();
    assert!(
        error.is_unavailable() && error.retry_after().is_some(),
        "{error}"
    );

    let server = Server::start();
    let salver = Salver::redis("app", &server.url()).unwrap();
    salver.add(&context, Message::info("1")).await.unwrap();
    let _: u64 = server.run(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]);
    salver.add(&context, Message::info("2")).await.unwrap();
    assert_eq!(salver.count(&context).await.unwrap(), 2);
}

#[tokio::test]
async fn store_from_pool_serves_calls() {
    let server = Server::start();
    let config = deadpool_redis::Config::from_url(server.url());
    let pool = config
        .create_pool(Some(deadpool_redis::Runtime::Tokio1))
        .unwrap();
    let salver = Salver::new("app", RedisStore::from_pool(pool)).unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    salver.add(&context, Message::info("pooled")).await.unwrap();
    assert_messages!(salver, session("ada"), "settings", [Info "pooled"]);
}

#[tokio::test]
async fn delay_beyond_max_age_is_rejected() {
    let salver = Salver::memory("app").unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    let hours = |hours: u64| Message::info("later").after(Duration::from_secs(hours * 3600));
    salver.add(&context, hours(23)).await.unwrap();
    let error = salver.add(&context, hours(24)).await.unwrap_err();
    assert_eq!(error.field(), Some("after"));
}

#[tokio::test]
async fn accepted_messages_are_readable() {
    let salver = Salver::memory("app").unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    let nested =
        |depth| (0..depth).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
    salver
        .add(&context, Message::info("deep").data(nested(64)))
        .await
        .unwrap();
    assert_eq!(salver.count(&context).await.unwrap(), 1);
    let rejected = salver
        .add(&context, Message::info("too deep").data(nested(65)))
        .await
        .unwrap_err();
    assert_eq!(rejected.field(), Some("data"));
    salver
        .add(&context, Message::info("two\r\nlines"))
        .await
        .unwrap();
    assert_messages!(salver, session("ada"), "settings", [Info "deep", Info "two\nlines"]);
}

#[test]
fn handle_works_without_tokio_runtime() {
    let server = Server::start();
    let url = server.url();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let salver = Salver::redis("app", &url).unwrap();
        let context = salver.context(session("ada"), "settings").unwrap();
        let count = block_on(async {
            salver.add(&context, Message::info("x")).await.unwrap();
            let claim = salver.claim(&context).await.unwrap();
            salver.confirm(&claim).await.unwrap();
            claim.messages().len()
        });
        send.send(count).unwrap();
    });
    assert_eq!(receive.recv().unwrap(), 1);
}

/// Polls a future on this thread without a runtime.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut work = std::pin::pin!(work);
    loop {
        match work
            .as_mut()
            .poll(&mut std::task::Context::from_waker(&waker))
        {
            std::task::Poll::Ready(outcome) => return outcome,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// Starts a proxy that forwards everything until a request contains `last`. It forwards that
/// request too, and closes the connection before the reply. Returns its port.
async fn start_reply_dropping_proxy(port: u16, last: &'static [u8]) -> u16 {
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy_port = listener.local_addr().unwrap().port();
    let is_last_sent = std::sync::Arc::new(AtomicBool::new(false));
    let is_reply_dropped = std::sync::Arc::clone(&is_last_sent);
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move {
            let mut request = vec![0; 64 * 1024];
            while let Ok(size @ 1..) = from_client.read(&mut request).await {
                let request = &request[..size];
                to_server.write_all(request).await.unwrap();
                if request.windows(last.len()).any(|window| window == last) {
                    is_last_sent.store(true, Ordering::SeqCst);
                }
            }
        });
        let mut reply = vec![0; 4096];
        loop {
            let size = from_server.read(&mut reply).await.unwrap();
            if is_reply_dropped.load(Ordering::SeqCst) || size == 0 {
                return;
            }
            to_client.write_all(&reply[..size]).await.unwrap();
        }
    });
    proxy_port
}

#[tokio::test]
async fn add_with_lost_reply_is_in_doubt() {
    let server = Server::start();
    let port = start_reply_dropping_proxy(server.port, b"applied").await;
    let salver = Salver::redis("app", &format!("redis://127.0.0.1:{port}")).unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    salver.add(&context, Message::info("warm")).await.unwrap();
    let lost = salver
        .add(&context, Message::info("applied"))
        .await
        .unwrap_err();
    assert!(lost.is_in_doubt(), "{lost}");
    let direct = Salver::redis("app", &server.url()).unwrap();
    eventually("the second add is applied", async || {
        (direct.count(&context).await.unwrap() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn add_without_reply_is_sent_again_with_same_bytes() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    report.slow_once(Duration::from_secs(60));
    salver.add(&context, Message::info("once")).await.unwrap();
    assert_eq!(report.take(), ["add", "add"]);
    assert_messages!(salver, session("ada"), "settings", [Info "once"]);
}

#[tokio::test]
async fn write_without_reply_is_in_doubt_after_timeout() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    report.slow(Duration::from_secs(60));
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let error = salver.add(&context, Message::info("x")).await.unwrap_err();
    assert!(
        error.is_in_doubt() && error.retry_after().is_some(),
        "{error}"
    );
    let waited = started.elapsed();
    assert!((248..=252).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(report.take(), ["add", "add"]);
}

#[tokio::test]
async fn release_and_take_are_sent_once() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    salver.add(&context, Message::info("x")).await.unwrap();
    let claim = salver.claim(&context).await.unwrap();
    report.take();
    report.slow(Duration::from_secs(60));
    assert!(salver.release(claim).await.unwrap_err().is_in_doubt());
    assert!(salver.take(&context).await.unwrap_err().is_in_doubt());
    assert_eq!(report.take(), ["release", "take"]);
}

#[tokio::test]
async fn health_names_issue_and_advice() {
    let unreachable = Salver::redis("app", "redis://127.0.0.1:1").unwrap();
    let health = unreachable.health().await;
    assert_eq!(health.issues()[0].kind(), IssueKind::Unreachable);
    assert!(
        !health.is_healthy() && health.to_string().starts_with("unreachable: "),
        "{health}"
    );
    for _ in 0..3 {
        unreachable
            .peek(&unreachable.context(session("ada"), "p").unwrap())
            .await
            .unwrap_err();
    }
    assert_eq!(
        unreachable.health().await.issues()[0].kind(),
        IssueKind::CircuitOpen
    );

    let options = ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"];
    let server = Server::start_with(&options);
    let salver = Salver::redis("app", &server.url()).unwrap();
    let health = salver.health().await;
    let kinds: Vec<_> = health.issues().iter().map(|issue| issue.kind()).collect();
    assert_eq!(kinds, [IssueKind::EvictionEnabled], "{health}");
    let expected =
        "eviction_enabled: maxmemory-policy is volatile-lru; set `maxmemory-policy noeviction`";
    assert_eq!(health.to_string(), expected);
    let port = server.port.to_string();
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &port]);
    let salver = Salver::redis("app", &replica.url()).unwrap();
    let health = salver.health().await;
    assert_eq!(health.issues()[0].kind(), IssueKind::ReadOnly, "{health}");
}

#[tokio::test]
async fn healthy_check_closes_breaker() {
    let (store, report) = SpyStore::new();
    let salver = Salver::new("app", store).unwrap();
    let context = salver.context(session("ada"), "p").unwrap();
    report.down(true);
    for _ in 0..3 {
        salver.peek(&context).await.unwrap_err();
    }
    report.down(false);
    assert!(salver.health().await.is_healthy());
    salver.peek(&context).await.unwrap();
}

/// The first call after a disconnect that the client has not noticed succeeds, a claim as well as
/// others.
#[tokio::test]
async fn unnoticed_disconnect_fails_no_call() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    // The test calls the store directly, because a handle calls Redis by itself and may notice the
    // disconnect.
    let store = RedisStore::new(&server.url()).unwrap();
    let (contexts, age) = ([at("ada", "settings")], Duration::from_secs(60));
    let message = encode_all([Message::info("kept")]);
    let added = store.add(&contexts[0], &message, &Limits::default()).await;
    added.unwrap();
    server.kill();
    server.restart();
    let claim = store.claim(&contexts, age, age).await.unwrap();
    assert_eq!(claim.messages().len(), 1);
    server.kill();
    server.restart();
    store.confirm(&claim).await.unwrap();
    assert!(
        store
            .peek(&contexts, age)
            .await
            .unwrap()
            .next_due_in
            .is_none()
    );
}

#[tokio::test]
async fn health_reports_unsupported_version() {
    let server = Server::start();
    let proxy = Proxy::start(server.port);
    proxy.set(Fault::ReplaceText("redis_version:5.", "redis_version:7."));
    let health = Salver::redis("app", &proxy.url()).unwrap().health().await;
    assert_eq!(
        health.issues()[0].kind(),
        IssueKind::UnsupportedVersion,
        "{health}"
    );
    assert!(
        health.to_string().contains("use Redis 6.2 or newer"),
        "{health}"
    );
}

#[tokio::test]
async fn health_reports_clock_skew() {
    for (behind, expected) in [(4, None), (6, Some(IssueKind::ClockSkew))] {
        let server_time = time::OffsetDateTime::now_utc().unix_timestamp() - behind;
        let file = scratch("time").join("now");
        std::fs::write(&file, format!("{server_time}.9\n")).unwrap();
        let server = Server::start_at(&file);
        let health = Salver::redis("app", &server.url()).unwrap().health().await;
        let last = health.issues().last().map(|issue| issue.kind());
        assert_eq!(last, expected, "{health}");
    }
}

/// A store opens one connection at a time, however many calls wait for it.
#[tokio::test]
async fn concurrent_calls_open_one_connection() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let store = RedisStore::new(&url).unwrap();
    let contexts = [at("ada", "settings")];
    let calls = join_all((0..100).map(|_| store.peek(&contexts, Duration::from_secs(60))));
    let mut connections = Vec::new();
    let accepting = async {
        loop {
            connections.push(silent.accept().await.unwrap());
        }
    };
    tokio::select! {
        results = calls => {
            assert!(results.iter().all(|result| result.as_ref().is_err_and(|error| error.is_unavailable())));
        }
        () = accepting => {}
    }
    assert_eq!(connections.len(), 1, "connections for 100 calls");
}

#[tokio::test]
async fn store_health_is_logged_once_after_first_reply() {
    let logs = Logs::everywhere();
    let options = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let server = Server::start_with(&options);
    let salver = Salver::redis("app", &server.url()).unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    for _ in 0..3 {
        salver.add(&context, Message::info("x")).await.unwrap();
    }
    let warning = "store health: eviction_enabled: maxmemory-policy is allkeys-lru";
    eventually("the issue is logged", async || {
        logs.text().contains(warning).then_some(())
    })
    .await;
    salver.add(&context, Message::info("x")).await.unwrap();
    let warnings = logs
        .text()
        .lines()
        .filter(|line| line.contains(" WARN "))
        .count();
    assert_eq!(warnings, 1, "{}", logs.text());
}

#[tokio::test]
async fn metrics_have_documented_names() {
    let metrics = RecordedMetrics::start();
    let (store, report) = SpyStore::new();
    let inner = store.inner.clone();
    let salver = Salver::builder("app")
        .store(store)
        .max_messages(3)
        .build()
        .unwrap();
    let context = salver.context(session("ada"), "settings").unwrap();
    for text in ["1", "2", "3", "4"] {
        salver.add(&context, Message::info(text)).await.unwrap();
    }
    inner.put_member(&context, "not a message");
    let newer = "{\"id\":\"018f2b6e-7c3a-7000-8000-000000000002\",\"v\":9,\"text\":\"x\"}";
    inner.put_member(
        &context,
        newer.replace("018f2b6e-7c3a", &MessageId::new().to_string()[..13]),
    );
    let claim = salver.claim(&context).await.unwrap();
    salver.release(claim).await.unwrap();
    let claim = salver.claim(&context).await.unwrap();
    salver.confirm(&claim).await.unwrap();
    report.down(true);
    for _ in 0..4 {
        salver.peek(&context).await.unwrap_err();
    }
    salver.flush().await;
    let expected = [
        ("salver_added_total", 4),
        ("salver_displaced_total", 1),
        ("salver_undecodable_total", 2),
        ("salver_unsupported_version_total", 2),
        ("salver_released_total", 3),
        ("salver_shown_total", 3),
        ("salver_confirmed_total", 3),
        ("salver_breaker_opened_total", 1),
    ];
    for (name, count) in expected {
        assert_eq!(metrics.sum(name), count, "{name}");
    }
    assert_eq!(metrics.values("salver_breaker_open"), [1.0]);
    assert_eq!(
        metrics.values("salver_store_call_duration_seconds").len(),
        11
    );
    let page = include_str!("../src/docs/observability.md");
    for name in metrics.names() {
        assert!(
            page.contains(&format!("`{name}`")),
            "the observability page does not list {name}"
        );
    }
}
