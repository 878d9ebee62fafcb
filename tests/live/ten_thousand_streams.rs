//! Ten thousand open pages in one process.

use std::collections::HashMap;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use salver::store::RedisStore;
use salver::{Context, Message, Salver, SessionId};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::index::listening;
use crate::support::app::example;
use crate::support::eventually;
use crate::support::processes::{Running, free_port, start};
use crate::support::redis::Server;

const STREAMS: usize = 10_000;
/// One in a hundred reads nothing.
const DEAF: usize = STREAMS / 100;
/// How many messages are added while they are open, and how often where not as fast as it goes.
const FRAMES: usize = 3_000;
const PACE: Duration = Duration::from_millis(3);
/// How many connections are opened at once: as many as the system lets wait.
const AT_ONCE: usize = 128;
/// Descriptors that a process of so many connections needs.
const DESCRIPTORS: usize = STREAMS + 500;

/// The dashboard, in a process of its own that may have so many connections.
struct Dashboard {
    process: Running,
    port: u16,
}

impl Dashboard {
    fn start(redis: &Server) -> Self {
        let port = free_port();
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -n {DESCRIPTORS} && exec \"$0\"")])
            .arg(example("dashboard"))
            .env("REDIS_URL", redis.url())
            .env("SALVER_ADDR", format!("127.0.0.1:{port}"))
            .stdout(Stdio::null());
        let process = start(&mut command, "dash");
        Self { process, port }
    }

    async fn is_up(&self) {
        let url = format!("http://127.0.0.1:{}/site.css", self.port);
        eventually(
            &format!("the dashboard answers (it needs `ulimit -n {DESCRIPTORS}`)"),
            async || reqwest::get(&url).await.ok(),
        )
        .await;
    }

    fn memory_kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id()))
            .unwrap()
            .count()
    }
}

/// Raises how many connections this process may have.
fn raise_own_limit() {
    let raised = Command::new("prlimit")
        .args([
            "--pid",
            &std::process::id().to_string(),
            &format!("--nofile={DESCRIPTORS}:"),
        ])
        .status();
    assert!(
        raised.is_ok_and(|status| status.success()),
        "this test needs {DESCRIPTORS} descriptors: raise the limit, `ulimit -Hn`"
    );
}

/// A visitor's token, and the session id that is derived from it.
fn visitor(number: usize) -> (String, SessionId) {
    use sha2::{Digest, Sha256};
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let digest = Sha256::digest([b"salver1\0dashboard\0", token.as_bytes()].concat());
    let id = &URL_SAFE_NO_PAD.encode(digest)[..22];
    (token, SessionId::new(id).unwrap())
}

/// Opens the stream of a visitor, from one of several addresses of this machine.
async fn open(port: u16, number: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = format!("127.0.0.{}:0", 2 + number % 8);
    socket.bind(from.parse().unwrap()).unwrap();
    let to = format!("127.0.0.1:{port}").parse().unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let (token, _) = visitor(number);
    let request = format!(
        "GET /salver/stream?view=uploads HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: text/event-stream\r\nsec-fetch-site: same-origin\r\ncookie: salver={token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Opens all, not too many at once, and waits until each has begun.
async fn open_all(port: u16, count: usize) -> Vec<BufReader<TcpStream>> {
    let turns = Semaphore::new(AT_ONCE);
    let opened = (0..count).map(async |number| {
        let _turn = turns.acquire().await.unwrap();
        let mut stream = BufReader::new(open(port, number).await);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert!(line.contains(" 200 "), "{line}");
        while !line.starts_with("retry:") {
            line.clear();
            assert!(
                stream.read_line(&mut line).await.unwrap() > 0,
                "the stream does not begin"
            );
        }
        stream
    });
    join_all(opened).await
}

fn percentile(sorted: &[Duration], share: f64) -> u128 {
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[at].as_micros()
}

#[actix_web::test]
async fn ten_thousand_open_pages() {
    raise_own_limit();
    let redis = Server::start();
    let dashboard = Dashboard::start(&redis);
    dashboard.is_up().await;
    let job = Salver::new("dashboard", RedisStore::new(&redis.url()).unwrap()).unwrap();
    let (memory, descriptors) = (dashboard.memory_kib(), dashboard.descriptors());
    // Those of this test's own handle come later.
    let connections = || -> usize {
        let clients: String = redis.run(&[b"CLIENT", b"LIST"]);
        clients.lines().count() - 1
    };

    let mut streams = open_all(dashboard.port, STREAMS).await;
    let each = (dashboard.memory_kib() - memory) / STREAMS as f64;
    println!("LIVE stream_kib {each:.1}");
    println!("LIVE streams {STREAMS} connections={}", connections());
    assert_eq!(listening(&redis).len(), 1, "one connection tells them all");
    // One of each worker beside it, and the one that all threads share.
    assert!(connections() <= 4, "{} connections", connections());
    assert!(each <= 20.0, "{each} KiB for a stream");

    // What the deaf do not read is not anybody else's trouble.
    let deaf: Vec<_> = streams.drain(..DEAF).collect();
    let (heard, frames) = mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    for mut stream in streams {
        let heard = heard.clone();
        readers.spawn(async move {
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                if let Some(id) = line.strip_prefix("id: ") {
                    let _ = heard.send((id.trim_end().to_owned(), Instant::now()));
                }
                line.clear();
            }
        });
    }
    drop(heard);
    let contexts: Arc<Vec<Context>> = Arc::new(
        (0..STREAMS)
            .map(|number| job.context(visitor(number).1, "uploads").unwrap())
            .collect(),
    );
    let text = "x".repeat(4_000);
    for context in &contexts[..DEAF] {
        let flood = (0..20).map(|_| Message::info(text.clone())).collect();
        job.add_all(context, flood).await.unwrap();
    }

    // What the deaf cost the others, at a pace that the process keeps; then as fast as it goes.
    let mut others = Others {
        job: &job,
        contexts: &contexts[DEAF..],
        frames,
    };
    let (mut paced, _) = others.add(FRAMES, PACE).await;
    let (_, rate) = others.add(FRAMES, Duration::ZERO).await;
    paced.sort();
    let (p50, p99) = (percentile(&paced, 0.5), percentile(&paced, 0.99));
    let (plain_rate, plain_p99) = plain_fan_out(&redis, FRAMES).await;
    println!("LIVE frame_p50_us {p50}");
    println!("LIVE frame_p99_us {p99} plain_publish_p99_us={plain_p99} deaf={DEAF}");
    println!("LIVE frames_per_second {rate:.0} plain_publish_per_second={plain_rate:.0}");
    assert!(p99 <= 250_000, "{p99} us");
    readers.shutdown().await;
    drop(deaf);

    eventually_closed(&dashboard, descriptors).await;
    let left = dashboard.memory_kib() - memory;
    println!("LIVE left_kib {left:.0}");
}

/// Those who read, and a job that tells them.
struct Others<'a> {
    job: &'a Salver,
    contexts: &'a [Context],
    frames: mpsc::UnboundedReceiver<(String, Instant)>,
}

impl Others<'_> {
    /// Adds so many messages to some of them, one after the other with this between them; gives how long each took
    /// to its page, and how many there were in a second.
    async fn add(&mut self, count: usize, pace: Duration) -> (Vec<Duration>, f64) {
        let (mut begun, mut delays, started) = (HashMap::new(), Vec::new(), Instant::now());
        for n in 0..count {
            let early = (pace * n as u32).saturating_sub(started.elapsed());
            if !early.is_zero() {
                sleep(early).await;
            }
            let message = Message::info("text");
            begun.insert(message.id().to_string(), Instant::now());
            let to = (n * 7919) % self.contexts.len();
            self.job.add(&self.contexts[to], message).await.unwrap();
        }
        while delays.len() < count {
            let frame = timeout(Duration::from_secs(10), self.frames.recv()).await;
            let (id, at) = frame.expect("frames are lost").unwrap();
            delays.push(at - begun[&id]);
        }
        let rate = count as f64 / started.elapsed().as_secs_f64();
        (delays, rate)
    }
}

/// Waits until the process has as many descriptors as before.
async fn eventually_closed(dashboard: &Dashboard, before: usize) {
    let started = Instant::now();
    while dashboard.descriptors() > before + 20 {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{} descriptors",
            dashboard.descriptors()
        );
        sleep(Duration::from_millis(100)).await;
    }
}

/// The same number of notes by one PUBLISH each to one SUBSCRIBE: what any fan-out costs at least.
async fn plain_fan_out(redis: &Server, count: usize) -> (f64, u128) {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut subscriber = client.get_async_pubsub().await.unwrap();
    subscriber.subscribe("plain").await.unwrap();
    let mut publisher = client.get_multiplexed_async_connection().await.unwrap();
    let mut heard = subscriber.into_on_message();
    let (mut delays, started) = (Vec::new(), Instant::now());
    for _ in 0..count {
        let began = Instant::now();
        let _: () = redis::cmd("PUBLISH")
            .arg("plain")
            .arg("note")
            .query_async(&mut publisher)
            .await
            .unwrap();
        futures_util::StreamExt::next(&mut heard).await.unwrap();
        delays.push(began.elapsed());
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    delays.sort();
    (rate, percentile(&delays, 0.99))
}

/// A hundred thousand pages that come and go leave nothing behind.
#[actix_web::test]
async fn pages_that_come_and_go_leave_nothing() {
    const PAGES: usize = 100_000;
    const WARM: usize = 10_000;

    raise_own_limit();
    let redis = Server::start();
    let dashboard = Dashboard::start(&redis);
    dashboard.is_up().await;
    let before = dashboard.descriptors();
    let mut memory = 0.0;
    for batch in 0..(WARM + PAGES) / 1_000 {
        drop(open_all(dashboard.port, 1_000).await);
        if batch == WARM / 1_000 {
            eventually_closed(&dashboard, before).await;
            memory = dashboard.memory_kib();
        }
    }
    eventually_closed(&dashboard, before).await;
    let growth = dashboard.memory_kib() - memory;
    let descriptors = dashboard.descriptors();
    println!(
        "LIVE come_and_go pages={PAGES} growth_kib={growth:.0} descriptors={descriptors} before={before}"
    );
    assert!(growth < 4_096.0, "{growth} KiB");
}
