//! A storm of requests that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use salver::{Context, Salver};
use tokio::io::AsyncReadExt;

use super::site::{Site, ask, read_whole};
use super::{column, pending, salver};
use crate::support::history::{History, Row};
use crate::support::monitor::Monitor;
use crate::support::redis::Server;
use crate::support::{at, eventually};
use fastrand::Rng;

const VISITORS: usize = 200;
/// Visitors who go away, visitors who stay, and how many messages are added for one who goes away.
const STORMY: usize = 32;
const CLEAN: usize = 8;

struct Scene {
    port: u16,
    salver: Salver,
    history: History,
    contexts: Vec<Context>,
    aborted: AtomicUsize,
    over: AtomicBool,
}

/// Requests are aborted at random points while other visitors read in peace: nobody sees what is another's,
/// and nothing is lost that a client did not throw away after it was handed over.
#[actix_web::test]
async fn cancellation_storm() {
    let server = Server::start();
    let history = History::default();
    let monitor = Monitor::start(&server, &history);
    let salver = salver(&server.url());
    let site = Site::start(salver.clone(), Duration::from_millis(1));
    let contexts =
        (0..VISITORS).map(|n| at(&format!("v{n}"), if n % 2 == 0 { "page" } else { "slow" }));
    let scene = Arc::new(Scene {
        port: site.port,
        salver: salver.clone(),
        history: history.clone(),
        contexts: contexts.collect(),
        aborted: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });

    let stormy: Vec<_> = (0..STORMY)
        .map(|n| actix_web::rt::spawn(storm(scene.clone(), n)))
        .collect();
    let clean: Vec<_> = (0..CLEAN)
        .map(|n| actix_web::rt::spawn(visit(scene.clone(), n)))
        .collect();
    for one in stormy {
        one.await.unwrap();
    }
    scene.over.store(true, Ordering::SeqCst);
    for one in clean {
        one.await.unwrap();
    }

    // Whatever was claimed and not shown comes back when its lease ends, at the latest.
    let healed = Instant::now();
    salver.flush().await;
    eventually("every lease has ended", async || {
        for context in &scene.contexts {
            read(&scene, context).await;
        }
        salver.flush().await;
        pending(&server, &scene.contexts).is_empty().then_some(())
    })
    .await;
    let recovery = healed.elapsed();
    site.stop().await;
    salver.flush().await;
    monitor.catch_up(&server);
    let verdict = history.verdict(&pending(&server, &scene.contexts));
    let aborts = scene.aborted.load(Ordering::SeqCst);
    assert!(aborts >= column(10_000, 1_000_000), "{aborts} aborts");
    let more = format!("aborts={aborts} visitors={VISITORS}");
    Row {
        test: "cancellation_storm",
        verdict,
        recovery,
        more,
        ..Row::default()
    }
    .judge();
}

/// Adds a message, asks for its page, and goes away at a random time or byte.
async fn storm(scene: Arc<Scene>, seed: usize) {
    let mut rng = Rng::with_seed(seed as u64);
    while scene.aborted.load(Ordering::SeqCst) < column(10_000, 1_000_000) {
        let context = &scene.contexts[rng.u64(..VISITORS as u64) as usize];
        let message = scene.history.message(context);
        match scene.salver.add(context, message.clone()).await {
            Ok(added) => {
                scene.history.acknowledged(&message);
                scene.history.displaced(added.displaced);
            }
            Err(_) => scene.history.in_doubt(&message),
        }
        let path = format!("/{}", context.view().as_str());
        let Ok(mut stream) = ask(scene.port, &path, context.session().as_str()).await else {
            continue;
        };
        let leave_after = Duration::from_micros(rng.u64(..6_000));
        let mut piece = vec![0; 1 + rng.u64(..400) as usize];
        if rng.u64(..2) == 0 {
            tokio::time::sleep(leave_after).await;
        } else {
            let _ = tokio::time::timeout(leave_after, stream.read(&mut piece)).await;
        }
        if rng.u64(..2) == 0 {
            // A reset instead of an orderly end.
            let _ = stream.set_zero_linger();
        }
        drop(stream);
        scene.aborted.fetch_add(1, Ordering::SeqCst);
    }
}

/// Reads pages to their ends as long as the storm goes on.
async fn visit(scene: Arc<Scene>, seed: usize) {
    let mut rng = Rng::with_seed(1_000 + seed as u64);
    while !scene.over.load(Ordering::SeqCst) {
        let context = &scene.contexts[rng.u64(..VISITORS as u64) as usize];
        read(&scene, context).await;
    }
}

async fn read(scene: &Scene, context: &Context) {
    let path = format!("/{}", context.view().as_str());
    let stream = ask(scene.port, &path, context.session().as_str())
        .await
        .unwrap();
    let page = read_whole(stream)
        .await
        .expect("a visitor who waits gets the whole page");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    scene.history.received(context, &page);
}
