//! A site under load for half an hour, whose memory and open files must not grow. Run it with
//! `tests/run soak`. `SALVER_SOAK_MINUTES` sets another duration.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::at;
use crate::support::fault_site::{read_response, send_get};
use crate::support::history::{History, Row};
use crate::support::profile::salver;
use crate::support::redis::{Server, pending};
use crate::support::resources::{MAX_GROWTH, sample, slope};
use crate::support::site_process::SiteProcess;

const CLIENTS: usize = 8;
const VISITORS: usize = 500;
/// Share of the maximum throughput.
const LOAD: f64 = 0.7;

struct SoakFixture {
    port: u16,
    salver: salver::Salver,
    history: History,
    contexts: Vec<salver::Context>,
    pages: AtomicUsize,
}

impl SoakFixture {
    /// Reads a page. Adds a message before every tenth page.
    async fn read_page(&self, n: usize) {
        let context = &self.contexts[n % VISITORS];
        if n.is_multiple_of(10) {
            let message = self.history.message(context);
            match self.salver.add(context, message.clone()).await {
                Ok(_) => self.history.record_acknowledged(&message),
                Err(_) => self.history.record_in_doubt(&message),
            }
        }
        let stream = send_get(self.port, "/page", context.session().as_str())
            .await
            .unwrap();
        let page = read_response(stream)
            .await
            .expect("a response was incomplete");
        self.history.record_received(context, &page);
        self.pages.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour"]
async fn memory_and_open_files_do_not_grow_under_load() {
    let minutes = std::env::var("SALVER_SOAK_MINUTES").map_or(30, |text| text.parse().unwrap());
    let length = Duration::from_secs(minutes * 60);
    let server = Server::start();
    let site = SiteProcess::start(&server.url());
    let fixture = Arc::new(SoakFixture {
        port: site.port,
        salver: salver(&server.url()),
        history: History::default(),
        contexts: (0..VISITORS)
            .map(|n| at(&format!("v{n}"), "page"))
            .collect(),
        pages: AtomicUsize::new(0),
    });
    load(&fixture, Duration::from_secs(5), None).await;
    let max_rate = fixture.pages.swap(0, Ordering::Relaxed) as f64 / 5.0;
    let interval = Duration::from_secs_f64(CLIENTS as f64 / (max_rate * LOAD));

    let sampler = std::thread::spawn({
        let process = site.id();
        move || sample(process, length)
    });
    load(&fixture, length, Some(interval)).await;
    let samples = sampler.join().unwrap();
    let verdict = fixture
        .history
        .verdict(&pending(&server, &fixture.contexts));
    let growth = slope(&samples) * 600.0;
    let files = samples.iter().map(|sample| sample.files);
    let (min_files, max_files) = (files.clone().min().unwrap(), files.max().unwrap());
    let more = format!(
        "minutes={minutes} pages={} pages_a_second={:.0} max={max_rate:.0} rss_growth_kib_in_10_min={:.0} \
         files={min_files}-{max_files}",
        fixture.pages.load(Ordering::Relaxed),
        max_rate * LOAD,
        growth / 1024.0
    );
    Row {
        test: "soak",
        verdict,
        more,
        ..Row::default()
    }
    .report();
    assert!(growth <= MAX_GROWTH, "{growth} bytes in ten minutes");
    assert!(
        max_files - min_files <= 2 * CLIENTS,
        "{min_files} to {max_files} open files"
    );
    site.kill();
}

/// Reads pages for a time. Each client starts one page per interval, or reads as fast as possible.
async fn load(fixture: &Arc<SoakFixture>, length: Duration, interval: Option<Duration>) {
    let until = Instant::now() + length;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let fixture = fixture.clone();
            tokio::spawn(async move {
                let mut n = client * 61;
                while Instant::now() < until {
                    let next = tokio::time::Instant::now() + interval.unwrap_or_default();
                    fixture.read_page(n).await;
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
