//! Visitors that request pages from a site as fast as it responds:
//! `load <address> <workload> <visitors> <milliseconds>`.
//!
//! Each client waits for a response before its next request. Prints four numbers: the measured
//! pages or cycles, the seconds in which they were measured, the number of messages that were
//! missing or on a wrong page, and the number of all requests. Workload `latency` sends requests at
//! a fixed rate instead, and prints two more: the median and the 99th percentile of the time that
//! the page with the message takes, in microseconds.

mod client;
mod latency;
mod mixed;
mod phase;
mod visitor;

use std::env;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinHandle;

use client::{Client, Counts};
use phase::Phase;

/// Visitors of one connection in workload `shown`. The time between two rounds of forms has to be
/// long enough to measure.
const VISITORS_PER_CONNECTION: usize = 16;

/// Interval between two polls of the sockets, much shorter than the site needs for the requests
/// that are waiting.
const POLL_INTERVAL: Duration = Duration::from_micros(100);

#[derive(Clone, Copy)]
enum Workload {
    NothingPending,
    PostRedirectGet,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, workload, visitors, milliseconds] = arguments.as_slice() else {
        return Err(Error::other(
            "usage: load <address> <workload> <visitors> <milliseconds>",
        ));
    };
    let address: SocketAddr = address.parse().map_err(Error::other)?;
    let visitors: usize = visitors.parse().map_err(Error::other)?;
    let time = Duration::from_millis(milliseconds.parse().map_err(Error::other)?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    if workload == "latency" {
        return latency::run(&runtime, address, visitors, time);
    }
    runtime.spawn(limit_wakeups());
    let (counts, measured) = match workload.as_str() {
        "idle" => runtime.block_on(run_independent(
            address,
            visitors,
            time,
            Workload::NothingPending,
        )),
        "cycle" => runtime.block_on(run_independent(
            address,
            visitors,
            time,
            Workload::PostRedirectGet,
        )),
        "shown" => runtime.block_on(run_in_steps(address, visitors, time)),
        "mixed" => runtime.block_on(mixed::run(address, visitors, time)),
        _ => Err(Error::other(format!("unknown workload '{workload}'"))),
    }?;
    println!(
        "{} {} {} {}",
        counts.measured,
        measured.as_secs_f64(),
        counts.missed,
        counts.requests
    );
    Ok(())
}

/// Polls for responses at a fixed interval, and sleeps in between even if responses arrive.
///
/// Without the sleep, a site would spend CPU time on waking this program for each response. A site
/// that is so fast that this program never sleeps would not, and so would seem faster than it is.
async fn limit_wakeups() {
    loop {
        std::thread::sleep(POLL_INTERVAL);
        tokio::task::yield_now().await;
    }
}

/// Runs clients with one visitor each. Each sends its next request as soon as it has a response.
async fn run_independent(
    address: SocketAddr,
    visitors: usize,
    time: Duration,
    workload: Workload,
) -> Result<(Counts, Duration)> {
    let phase = Arc::new(Phase::default());
    let mut tasks = Vec::with_capacity(visitors);
    for _ in 0..visitors {
        let mut client = Client::connect(address, 1).await?;
        if let Workload::NothingPending = workload {
            // An idle visitor added its last message some time ago.
            client.expire_cookies();
        }
        tasks.push(tokio::spawn(run_client(
            client,
            workload,
            Arc::clone(&phase),
        )));
    }
    let measured = phase.run(time).await;
    let clients = join_all(tasks).await?;
    Ok((sum(&clients), measured))
}

async fn run_client(mut client: Client, workload: Workload, phase: Arc<Phase>) -> Result<Client> {
    while !phase.is_finished() {
        match workload {
            Workload::NothingPending => client.get_expecting(0).await?,
            Workload::PostRedirectGet => {
                client.post().await?;
                client.get_expecting(1).await?;
            }
        }
        if phase.is_measuring() {
            client.counts.measured += 1;
        }
    }
    Ok(client)
}

/// Runs clients in steps: all visitors post their form, then all get their page. Only the pages are
/// measured.
async fn run_in_steps(
    address: SocketAddr,
    visitors: usize,
    time: Duration,
) -> Result<(Counts, Duration)> {
    let mut clients = Vec::with_capacity(visitors);
    for _ in 0..visitors {
        clients.push(Client::connect(address, VISITORS_PER_CONNECTION).await?);
    }
    let (started, mut measured) = (Instant::now(), Duration::ZERO);
    while started.elapsed() < time {
        let posts = clients.drain(..).map(|client| tokio::spawn(post(client)));
        clients = join_all(posts.collect()).await?;
        let pages_started = Instant::now();
        let pages = clients.drain(..).map(|client| tokio::spawn(get(client)));
        clients = join_all(pages.collect()).await?;
        measured += pages_started.elapsed();
    }
    Ok((sum(&clients), measured))
}

async fn post(mut client: Client) -> Result<Client> {
    client.post().await?;
    Ok(client)
}

async fn get(mut client: Client) -> Result<Client> {
    client.get_expecting(1).await?;
    client.counts.measured += client.visitors();
    Ok(client)
}

pub(crate) async fn join_all(tasks: Vec<JoinHandle<Result<Client>>>) -> Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(tasks.len());
    for task in tasks {
        clients.push(task.await.map_err(Error::other)??);
    }
    Ok(clients)
}

pub(crate) fn sum(clients: &[Client]) -> Counts {
    let mut sum = Counts::default();
    for client in clients {
        sum.measured += client.counts.measured;
        sum.missed += client.counts.missed;
        sum.requests += client.counts.requests;
    }
    sum
}
