//! Ten thousand open streams in one process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use salver::store::RedisStore;
use salver::{Context, Message, Salver, SessionId};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::example_programs::example;
use crate::support::many_streams::{
    self, BATCH, ServerProcess, max_growth, memory_growth, opened_and_closed, percentile,
    raise_descriptor_limit,
};
use crate::support::redis::{Server, tracking_connections};
use crate::support::session_of_token;

const STREAMS: usize = 10_000;
/// One client in a hundred reads nothing.
const STALLED: usize = STREAMS / 100;
/// Number of messages that each measurement adds.
const MESSAGES: usize = 3_000;
/// Interval of the adds in the paced measurement.
const ADD_INTERVAL: Duration = Duration::from_millis(3);

fn start_dashboard(redis: &Server) -> ServerProcess {
    ServerProcess::start(&example("dashboard"), &[], &redis.url())
}

/// Returns the token of a visitor, and the session id that is derived from it.
fn token_and_session(number: usize) -> (String, SessionId) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let session = session_of_token("dashboard", &token);
    (token, session)
}

async fn open_all(port: u16, count: usize) -> Vec<BufReader<TcpStream>> {
    let cookie = |number| format!("salver-dashboard={}", token_and_session(number).0);
    many_streams::open_all(port, "/salver/stream?view=uploads", (0..count).map(cookie)).await
}

#[actix_web::test]
async fn ten_thousand_open_streams_share_one_connection() {
    raise_descriptor_limit();
    let redis = Server::start();
    let dashboard = start_dashboard(&redis);
    dashboard.wait_until_ready().await;
    let job = Salver::new("dashboard", RedisStore::new(&redis.url()).unwrap()).unwrap();
    let (memory, descriptors) = (dashboard.memory_kib(), dashboard.open_descriptors());
    // The handle of this test has not connected yet.
    let connections = || -> usize {
        let clients: String = redis.run(&[b"CLIENT", b"LIST"]);
        clients.lines().count() - 1
    };

    let mut streams = open_all(dashboard.port, STREAMS).await;
    let stream_kib = (dashboard.memory_kib() - memory) / STREAMS as f64;
    println!("LIVE stream_kib {stream_kib:.1}");
    println!("LIVE streams {STREAMS} connections={}", connections());
    assert_eq!(
        tracking_connections(&redis).len(),
        1,
        "one tracking connection for all streams"
    );
    // In addition, one connection of each worker, and the one that all threads share.
    assert!(connections() <= 4, "{} connections", connections());
    assert!(stream_kib <= 20.0, "{stream_kib} KiB for a stream");

    // The others get all frames while these clients are stalled.
    let stalled: Vec<_> = streams.drain(..STALLED).collect();
    let (sender, frames) = mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    for mut stream in streams {
        let sender = sender.clone();
        readers.spawn(async move {
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                if let Some(frame) = line.strip_prefix("data: ") {
                    let received_at = Instant::now();
                    let frame: Value = serde_json::from_str(frame).unwrap();
                    let id = frame["message"]["id"].as_str().unwrap().to_owned();
                    let _ = sender.send((id, received_at));
                }
                line.clear();
            }
        });
    }
    drop(sender);
    let contexts: Arc<Vec<Context>> = Arc::new(
        (0..STREAMS)
            .map(|number| job.context(token_and_session(number).1, "uploads").unwrap())
            .collect(),
    );
    let text = "x".repeat(4_000);
    for context in &contexts[..STALLED] {
        let batch = (0..20).map(|_| Message::info(text.clone())).collect();
        job.add_all(context, batch).await.unwrap();
    }

    // First at a rate that the process sustains, then without pauses.
    let mut pages = ReadingPages {
        job: &job,
        contexts: &contexts[STALLED..],
        frames,
    };
    let (mut paced, _) = pages.add(MESSAGES, ADD_INTERVAL).await;
    let (_, rate) = pages.add(MESSAGES, Duration::ZERO).await;
    paced.sort();
    let (p50, p99) = (percentile(&paced, 0.5), percentile(&paced, 0.99));
    let (plain_rate, plain_p99) = measure_plain_publish(&redis, MESSAGES).await;
    println!("LIVE frame_p50_us {p50}");
    println!("LIVE frame_p99_us {p99} plain_publish_p99_us={plain_p99} stalled={STALLED}");
    println!("LIVE frames_per_second {rate:.0} plain_publish_per_second={plain_rate:.0}");
    readers.shutdown().await;
    drop(stalled);

    dashboard.wait_for_closed_connections(descriptors).await;
    let retained = dashboard.memory_kib() - memory;
    println!("LIVE retained_kib {retained:.0}");
}

/// The clients that read their streams, and a job that adds messages for them.
struct ReadingPages<'a> {
    job: &'a Salver,
    contexts: &'a [Context],
    frames: mpsc::UnboundedReceiver<(String, Instant)>,
}

impl ReadingPages<'_> {
    /// Adds `count` messages to some of the clients, one every `interval`. Returns the delays from
    /// the add to the frame, and the number of messages per second.
    async fn add(&mut self, count: usize, interval: Duration) -> (Vec<Duration>, f64) {
        let (mut added_at, mut delays) = (HashMap::new(), Vec::new());
        let started_at = Instant::now();
        for n in 0..count {
            let pause = (interval * n as u32).saturating_sub(started_at.elapsed());
            if !pause.is_zero() {
                sleep(pause).await;
            }
            let message = Message::info("text");
            added_at.insert(message.id().to_string(), Instant::now());
            let index = (n * 7919) % self.contexts.len();
            self.job.add(&self.contexts[index], message).await.unwrap();
        }
        while delays.len() < count {
            let frame = timeout(Duration::from_secs(10), self.frames.recv()).await;
            let (id, received_at) = frame.expect("every frame arrives").unwrap();
            delays.push(received_at - added_at[&id]);
        }
        let rate = count as f64 / started_at.elapsed().as_secs_f64();
        (delays, rate)
    }
}

/// Measures the same number of messages by one PUBLISH each to one SUBSCRIBE, the lower bound of
/// any fan-out. Returns the number per second, and the 99th percentile of the delay.
async fn measure_plain_publish(redis: &Server, count: usize) -> (f64, u128) {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut subscriber = client.get_async_pubsub().await.unwrap();
    subscriber.subscribe("plain").await.unwrap();
    let mut publisher = client.get_multiplexed_async_connection().await.unwrap();
    let mut received = subscriber.into_on_message();
    let (mut delays, started_at) = (Vec::new(), Instant::now());
    for _ in 0..count {
        let published_at = Instant::now();
        let _: () = redis::cmd("PUBLISH")
            .arg("plain")
            .arg("message")
            .query_async(&mut publisher)
            .await
            .unwrap();
        futures_util::StreamExt::next(&mut received).await.unwrap();
        delays.push(published_at.elapsed());
    }
    let rate = count as f64 / started_at.elapsed().as_secs_f64();
    delays.sort();
    (rate, percentile(&delays, 0.99))
}

/// Streams that open and close leave no descriptors, and little memory.
#[actix_web::test]
async fn closed_streams_leave_no_memory_or_descriptors() {
    raise_descriptor_limit();
    let redis = Server::start();
    let dashboard = start_dashboard(&redis);
    dashboard.wait_until_ready().await;
    let before = dashboard.open_descriptors();
    let growth = memory_growth(&dashboard, async |_| open_all(dashboard.port, BATCH).await).await;
    let descriptors = dashboard.open_descriptors();
    println!(
        "LIVE open_and_close streams={} growth_bytes_each={growth:.0} descriptors={descriptors} descriptors_before={before}",
        opened_and_closed()
    );
    assert!(growth < max_growth(), "{growth} bytes for each stream");
}
