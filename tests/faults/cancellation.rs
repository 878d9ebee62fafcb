//! Requests that clients cancel at random points.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use salver::{Context, Salver};
use tokio::io::AsyncReadExt;

use crate::support::fault_site::{FaultSite, read_response, send_get};
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::profile::{by_profile, salver};
use crate::support::redis::{Server, pending};
use crate::support::{at, eventually};
use fastrand::Rng;

const VISITORS: usize = 200;
/// Number of clients that cancel their requests.
const CANCELLING_CLIENTS: usize = 32;
/// Number of clients that read every page to its end.
const READING_CLIENTS: usize = 8;

struct CancellationFixture {
    port: u16,
    salver: Salver,
    history: History,
    contexts: Vec<Context>,
    cancelled: AtomicUsize,
    stopped: AtomicBool,
}

/// Only messages whose client disconnected after the complete response was sent may be lost.
#[actix_web::test]
async fn cancelled_requests_lose_no_messages() {
    cancel_and_read("cancelled_requests", by_profile(10_000, 1_000_000)).await;
}

/// Clients that read complete pages receive only messages of their own session.
#[actix_web::test]
async fn cancelled_requests_expose_no_messages_to_other_visitors() {
    cancel_and_read("cancelled_isolation", by_profile(2_000, 100_000)).await;
}

/// Some clients cancel this number of requests, at random points, while others read complete pages.
async fn cancel_and_read(test: &'static str, requests: usize) {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let salver = salver(&server.url());
    let site = FaultSite::start(salver.clone(), Duration::from_millis(1));
    let contexts =
        (0..VISITORS).map(|n| at(&format!("v{n}"), if n % 2 == 0 { "page" } else { "slow" }));
    let fixture = Arc::new(CancellationFixture {
        port: site.port,
        salver: salver.clone(),
        history: history.clone(),
        contexts: contexts.collect(),
        cancelled: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
    });

    let cancelling: Vec<_> = (0..CANCELLING_CLIENTS)
        .map(|n| actix_web::rt::spawn(cancel_requests(fixture.clone(), n, requests)))
        .collect();
    let reading: Vec<_> = (0..READING_CLIENTS)
        .map(|n| actix_web::rt::spawn(read_pages(fixture.clone(), n)))
        .collect();
    for client in cancelling {
        client.await.unwrap();
    }
    fixture.stopped.store(true, Ordering::SeqCst);
    for client in reading {
        client.await.unwrap();
    }

    // Claimed messages that were not shown become visible again when their lease expires, or
    // earlier.
    let stopped = Instant::now();
    salver.flush().await;
    eventually(
        "every message is read after its lease has expired",
        async || {
            for context in &fixture.contexts {
                read(&fixture, context).await;
            }
            salver.flush().await;
            pending(&server, &fixture.contexts).is_empty().then_some(())
        },
    )
    .await;
    let recovery = stopped.elapsed();
    site.stop().await;
    salver.flush().await;
    monitor.catch_up(&server);
    let verdict = history.verdict(&pending(&server, &fixture.contexts));
    let cancelled = fixture.cancelled.load(Ordering::SeqCst);
    Row {
        test,
        verdict,
        recovery,
        more: format!("cancelled={cancelled} visitors={VISITORS}"),
        ..Row::default()
    }
    .report();
}

/// Adds a message, requests its page, and disconnects after a random time or number of bytes, until
/// all clients together have cancelled this number of requests.
async fn cancel_requests(fixture: Arc<CancellationFixture>, seed: usize, requests: usize) {
    let mut rng = Rng::with_seed(seed as u64);
    while fixture.cancelled.load(Ordering::SeqCst) < requests {
        let context = &fixture.contexts[rng.u64(..VISITORS as u64) as usize];
        let message = fixture.history.message(context);
        match fixture.salver.add(context, message.clone()).await {
            Ok(added) => {
                fixture.history.record_acknowledged(&message);
                fixture.history.record_displaced(added.displaced);
            }
            Err(_) => fixture.history.record_in_doubt(&message),
        }
        let path = format!("/{}", context.view().as_str());
        let Ok(mut stream) = send_get(fixture.port, &path, context.session().as_str()).await else {
            continue;
        };
        let disconnect_after = Duration::from_micros(rng.u64(..6_000));
        let mut buffer = vec![0; 1 + rng.u64(..400) as usize];
        if rng.u64(..2) == 0 {
            tokio::time::sleep(disconnect_after).await;
        } else {
            let _ = tokio::time::timeout(disconnect_after, stream.read(&mut buffer)).await;
        }
        if rng.u64(..2) == 0 {
            // A TCP reset instead of an orderly close.
            let _ = stream.set_zero_linger();
        }
        drop(stream);
        fixture.cancelled.fetch_add(1, Ordering::SeqCst);
    }
}

/// Reads complete pages until the other clients have stopped.
async fn read_pages(fixture: Arc<CancellationFixture>, seed: usize) {
    let mut rng = Rng::with_seed(1_000 + seed as u64);
    while !fixture.stopped.load(Ordering::SeqCst) {
        let context = &fixture.contexts[rng.u64(..VISITORS as u64) as usize];
        read(&fixture, context).await;
    }
}

async fn read(fixture: &CancellationFixture, context: &Context) {
    let path = format!("/{}", context.view().as_str());
    let stream = send_get(fixture.port, &path, context.session().as_str())
        .await
        .unwrap();
    let page = read_response(stream)
        .await
        .expect("a client that did not cancel received an incomplete page");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    fixture.history.record_received(context, &page);
}
