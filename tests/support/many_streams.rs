//! Processes that serve many streams, and clients that open them.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::support::eventually;
use crate::support::processes::{ChildProcess, free_port, start};
use crate::support::profile::by_profile;

/// Number of file descriptors that a process needs for 10,000 streams.
const DESCRIPTORS: usize = 10_500;
/// Maximum number of concurrent connects, the backlog of the listener.
const MAX_CONCURRENT_CONNECTS: usize = 128;

/// Streams that are opened and closed after the warm-up.
pub fn opened_and_closed() -> usize {
    by_profile(20_000, 100_000)
}

/// Maximum growth of the memory for each of them, in bytes: 2 MiB and 4 MiB in all, far more than an allocator keeps.
pub fn max_growth() -> f64 {
    by_profile(100, 42) as f64
}

const WARM_UP: usize = 10_000;
/// Streams that are open at once.
pub const BATCH: usize = 1_000;

/// A site in a process with a limit of `DESCRIPTORS`.
pub struct ServerProcess {
    process: ChildProcess,
    pub port: u16,
}

impl ServerProcess {
    /// Starts a program that listens at `SALVER_ADDR`.
    pub fn start(program: &std::path::Path, arguments: &[&str], redis: &str) -> Self {
        let port = free_port();
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &format!("ulimit -n {DESCRIPTORS} && exec \"$0\" \"$@\""),
            ])
            .arg(program)
            .args(arguments)
            .env("REDIS_URL", redis)
            .env("SALVER_ADDR", format!("127.0.0.1:{port}"))
            .stdout(Stdio::null());
        let process = start(&mut command, "dash");
        Self { process, port }
    }

    pub async fn wait_until_ready(&self) {
        let url = format!("http://127.0.0.1:{}/", self.port);
        eventually(
            &format!("the site responds (it needs `ulimit -n {DESCRIPTORS}`)"),
            async || reqwest::get(&url).await.ok(),
        )
        .await;
    }

    pub fn memory_kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub fn open_descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id()))
            .unwrap()
            .count()
    }

    /// Waits until the process has as many descriptors as before.
    pub async fn wait_for_closed_connections(&self, before: usize) {
        let started_at = Instant::now();
        while self.open_descriptors() > before + 20 {
            assert!(
                started_at.elapsed() < Duration::from_secs(60),
                "{} descriptors",
                self.open_descriptors()
            );
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Raises the limit of file descriptors of this process.
pub fn raise_descriptor_limit() {
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

/// Opens the stream of a visitor, from one of eight loopback addresses. `path`: with the query.
async fn open(port: u16, number: usize, path: &str, cookie: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = format!("127.0.0.{}:0", 2 + number % 8);
    socket.bind(from.parse().unwrap()).unwrap();
    let to = format!("127.0.0.1:{port}").parse().unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: text/event-stream\r\nsec-fetch-site: same-origin\r\ncookie: {cookie}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Opens the streams of visitors with these cookies, at most `MAX_CONCURRENT_CONNECTS` at a time, and
/// waits for the first frame of each.
pub async fn open_all(
    port: u16,
    path: &str,
    cookies: impl IntoIterator<Item = String>,
) -> Vec<BufReader<TcpStream>> {
    let permits = &Semaphore::new(MAX_CONCURRENT_CONNECTS);
    let opened = cookies
        .into_iter()
        .enumerate()
        .map(async |(number, cookie)| {
            let _permit = permits.acquire().await.unwrap();
            let mut stream = BufReader::new(open(port, number, path, &cookie).await);
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            assert!(line.contains(" 200 "), "{line}");
            while !line.starts_with("retry:") {
                line.clear();
                assert!(
                    stream.read_line(&mut line).await.unwrap() > 0,
                    "the stream ends before its first frame"
                );
            }
            stream
        });
    join_all(opened).await
}

/// Opens and closes many streams in batches of 1,000 and waits until no connection is left. Returns the
/// growth of the memory of the process after the warm-up, in bytes for each stream.
pub async fn memory_growth(
    site: &ServerProcess,
    mut open_batch: impl AsyncFnMut(usize) -> Vec<BufReader<TcpStream>>,
) -> f64 {
    let descriptors = site.open_descriptors();
    let mut memory = 0.0;
    for batch in 0..(WARM_UP + opened_and_closed()) / BATCH {
        drop(open_batch(batch).await);
        if batch == WARM_UP / BATCH {
            site.wait_for_closed_connections(descriptors).await;
            memory = site.memory_kib();
        }
    }
    site.wait_for_closed_connections(descriptors).await;
    (site.memory_kib() - memory) * 1024.0 / opened_and_closed() as f64
}

pub fn percentile(sorted: &[Duration], share: f64) -> u128 {
    let index = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[index].as_micros()
}
