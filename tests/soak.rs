//! A site under load for half an hour: nothing grows. `tests/run --long soak`; `SALVER_SOAK_MINUTES` for less.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::faults::process::SiteProcess;
use crate::faults::site::{ask, read_whole};
use crate::faults::{pending, salver};
use crate::support::at;
use crate::support::history::{History, Row};
use crate::support::redis::Server;

const CLIENTS: usize = 8;
const VISITORS: usize = 500;
/// Which share of what the site can do is asked of it.
const LOAD: f64 = 0.7;
/// Most growth, in bytes in ten minutes.
const GROWTH: f64 = 1024.0 * 1024.0;

struct Scene {
    port: u16,
    salver: salver::Salver,
    history: History,
    contexts: Vec<salver::Context>,
    pages: AtomicUsize,
}

impl Scene {
    /// Adds a message for every tenth page, and reads the page.
    async fn visit(&self, n: usize) {
        let context = &self.contexts[n % VISITORS];
        if n.is_multiple_of(10) {
            let message = self.history.message(context);
            match self.salver.add(context, message.clone()).await {
                Ok(_) => self.history.acknowledged(&message),
                Err(_) => self.history.in_doubt(&message),
            }
        }
        let stream = ask(self.port, "/page", context.session().as_str())
            .await
            .unwrap();
        let page = read_whole(stream).await.expect("a page broke off");
        self.history.received(context, &page);
        self.pages.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour"]
async fn nothing_grows_under_load() {
    let minutes = std::env::var("SALVER_SOAK_MINUTES").map_or(30, |text| text.parse().unwrap());
    let length = Duration::from_secs(minutes * 60);
    let server = Server::start();
    let site = SiteProcess::start(&server.url());
    let scene = Arc::new(Scene {
        port: site.port,
        salver: salver(&server.url()),
        history: History::default(),
        contexts: (0..VISITORS)
            .map(|n| at(&format!("v{n}"), "page"))
            .collect(),
        pages: AtomicUsize::new(0),
    });
    load(&scene, Duration::from_secs(5), None).await;
    let most = scene.pages.swap(0, Ordering::Relaxed) as f64 / 5.0;
    let pace = Duration::from_secs_f64(CLIENTS as f64 / (most * LOAD));

    let watcher = std::thread::spawn({
        let process = site.id();
        move || watch(process, length)
    });
    load(&scene, length, Some(pace)).await;
    let seen = watcher.join().unwrap();
    let verdict = scene.history.verdict(&pending(&server, &scene.contexts));
    let growth = slope(&seen) * 600.0;
    let files = seen.iter().map(|sample| sample.files);
    let (fewest, most_files) = (files.clone().min().unwrap(), files.max().unwrap());
    let more = format!(
        "minutes={minutes} pages={} pages_a_second={:.0} of={most:.0} rss_growth_kib_in_10_min={:.0} \
         files={fewest}-{most_files}",
        scene.pages.load(Ordering::Relaxed),
        most * LOAD,
        growth / 1024.0
    );
    Row {
        test: "soak",
        verdict,
        more,
        ..Row::default()
    }
    .judge();
    assert!(growth <= GROWTH, "{growth} bytes in ten minutes");
    assert!(
        most_files - fewest <= 2 * CLIENTS,
        "{fewest} to {most_files} descriptors"
    );
    site.kill();
}

/// Visits for a time, each client at a pace or as fast as it can.
async fn load(scene: &Arc<Scene>, length: Duration, pace: Option<Duration>) {
    let until = Instant::now() + length;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let scene = scene.clone();
            tokio::spawn(async move {
                let mut n = client * 61;
                while Instant::now() < until {
                    let next = tokio::time::Instant::now() + pace.unwrap_or_default();
                    scene.visit(n).await;
                    n += 1;
                    tokio::time::sleep_until(next).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

struct Sample {
    at: f64,
    bytes: f64,
    files: usize,
}

/// Looks at a process every second, after a sixth of the time for everything to be warm.
fn watch(process: u32, length: Duration) -> Vec<Sample> {
    let started = Instant::now();
    let mut samples = Vec::new();
    while started.elapsed() < length {
        std::thread::sleep(Duration::from_secs(1));
        if started.elapsed() * 6 < length {
            continue;
        }
        let pages = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
        let pages: f64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
        let files = std::fs::read_dir(format!("/proc/{process}/fd"))
            .unwrap()
            .count();
        samples.push(Sample {
            at: started.elapsed().as_secs_f64(),
            bytes: pages * 4096.0,
            files,
        });
    }
    samples
}

/// Bytes a second, by least squares.
fn slope(samples: &[Sample]) -> f64 {
    let n = samples.len() as f64;
    let (mean_at, mean_bytes) = (
        samples.iter().map(|sample| sample.at).sum::<f64>() / n,
        samples.iter().map(|sample| sample.bytes).sum::<f64>() / n,
    );
    let above = samples
        .iter()
        .map(|sample| (sample.at - mean_at) * (sample.bytes - mean_bytes));
    let below = samples.iter().map(|sample| (sample.at - mean_at).powi(2));
    above.sum::<f64>() / below.sum::<f64>()
}

#[test]
fn a_slope_is_a_slope() {
    let at = |second: u32| Sample {
        at: second.into(),
        bytes: 7.0 + 3.0 * f64::from(second),
        files: 0,
    };
    let samples: Vec<_> = (0..100).map(at).collect();
    assert!((slope(&samples) - 3.0).abs() < 1e-9);
}
