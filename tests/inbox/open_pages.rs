//! Ten thousand open pages with a bell in one process.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use salver::store::RedisStore;
use salver::{Recipient, Salver};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::eventually;
use crate::support::inboxes::note;
use crate::support::many_streams::{
    self, BATCH, ServerProcess, max_growth, memory_growth, opened_and_closed, percentile,
    raise_descriptor_limit,
};
use crate::support::redis::{Server, tracking_connections};
use crate::support::site_process::arguments_of_inbox_site;

const PAGES: usize = 10_000;
/// Number of notifications, each for another person.
const NOTIFICATIONS: usize = 3_000;
/// Interval of the notifications, a rate that the process sustains.
const INTERVAL: Duration = Duration::from_millis(5);
/// Longest delay from `notify` to the frame that a page shows, for 99 of 100.
const MAX_P99_MICROS: u128 = 50_000;

fn start_site(redis: &Server) -> ServerProcess {
    let program = std::env::current_exe().unwrap();
    ServerProcess::start(&program, &arguments_of_inbox_site(), &redis.url())
}

async fn open_all(port: u16, people: std::ops::Range<usize>) -> Vec<BufReader<TcpStream>> {
    let cookies = people.map(|number| format!("user={number}"));
    many_streams::open_all(port, "/salver/stream", cookies).await
}

/// Reports the unread count of each event with counts, until the stream ends.
async fn read_counts(
    number: usize,
    mut stream: BufReader<TcpStream>,
    counts: mpsc::UnboundedSender<(usize, u64, Instant)>,
) {
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        if let Some(data) = line.strip_prefix("data: {") {
            let received_at = Instant::now();
            let data: Value = serde_json::from_str(&format!("{{{data}")).unwrap();
            let _ = counts.send((number, data["unread"].as_u64().unwrap(), received_at));
        }
        line.clear();
    }
}

async fn wait_until_offline(redis: &Server) {
    eventually("no one is online", async || {
        let is_online: bool = redis.run(&[b"EXISTS", b"app!online:{0}"]);
        (!is_online).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn ten_thousand_open_pages_follow_their_inboxes() {
    raise_descriptor_limit();
    let redis = Server::start();
    let site = start_site(&redis);
    site.wait_until_ready().await;
    let salver = Salver::new("app", RedisStore::new(&redis.url()).unwrap()).unwrap();
    let (memory, descriptors) = (site.memory_kib(), site.open_descriptors());

    let streams = open_all(site.port, 0..PAGES).await;
    let (sender, mut counts) = mpsc::unbounded_channel();
    let mut readers = JoinSet::new();
    for (number, stream) in streams.into_iter().enumerate() {
        readers.spawn(read_counts(number, stream, sender.clone()));
    }
    let mut receive = async || {
        let next = timeout(Duration::from_secs(10), counts.recv()).await;
        next.expect("every event arrives").unwrap()
    };
    for _ in 0..PAGES {
        assert_eq!(receive().await.1, 0);
    }
    // A stream reads at most once in this time.
    sleep(Duration::from_secs(2)).await;
    let page_kib = (site.memory_kib() - memory) / PAGES as f64;
    assert_eq!(tracking_connections(&redis).len(), 1);
    assert_eq!(salver.online().await.unwrap().len(), PAGES);

    let (mut added_at, mut delays) = (HashMap::new(), Vec::new());
    let started_at = Instant::now();
    let adding = async {
        for n in 0..NOTIFICATIONS {
            sleep((INTERVAL * n as u32).saturating_sub(started_at.elapsed())).await;
            let number = n * 7_919 % PAGES;
            added_at.insert(number, Instant::now());
            let person = Recipient::user(number);
            salver.notify([person], note("news")).await.unwrap();
        }
    };
    let receiving = async {
        let mut received = Vec::new();
        while received.len() < NOTIFICATIONS {
            received.push(receive().await);
        }
        received
    };
    let ((), received) = tokio::join!(adding, receiving);
    for (number, unread, received_at) in received {
        assert_eq!(unread, 1);
        delays.push(received_at - added_at[&number]);
    }
    delays.sort();
    let (p50, p99) = (percentile(&delays, 0.5), percentile(&delays, 0.99));
    println!("LIVE bells {PAGES} page_kib={page_kib:.1} tracking_connections=1");
    println!("LIVE notification_p50_us {p50} p99_us={p99} n={NOTIFICATIONS}");
    assert!(page_kib <= 20.0, "{page_kib} KiB for a page");
    assert!(p99 <= MAX_P99_MICROS, "p99 {p99} us");

    readers.shutdown().await;
    site.wait_for_closed_connections(descriptors).await;
    wait_until_offline(&redis).await;
}

/// Streams that open and close leave no descriptors, no one online, and little memory.
#[actix_web::test]
async fn closed_pages_leave_nothing_behind() {
    raise_descriptor_limit();
    let redis = Server::start();
    let site = start_site(&redis);
    site.wait_until_ready().await;
    let before = site.open_descriptors();
    // Each person comes back once.
    let growth = memory_growth(&site, async |batch| {
        let first = batch / 2 * BATCH;
        open_all(site.port, first..first + BATCH).await
    })
    .await;
    wait_until_offline(&redis).await;
    let descriptors = site.open_descriptors();
    println!(
        "LIVE open_and_close_with_bell streams={} growth_bytes_each={growth:.0} descriptors={descriptors} \
         descriptors_before={before} online=0",
        opened_and_closed()
    );
    assert!(growth < max_growth(), "{growth} bytes for each stream");
}
