//! The time that the page with a message takes, at a fixed rate of cycles that is far below what a site
//! can serve.

use std::io::{Error, Result};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep_until};

use crate::client::{Client, Counts};

/// Cycles per second of all visitors together.
const RATE: u32 = 300;
/// Length of the warm-up, whose pages are not counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// Runs cycles at the fixed rate, each by the next of the visitors, and prints the result.
pub(crate) fn run(
    runtime: &Runtime,
    address: SocketAddr,
    visitors: usize,
    time: Duration,
) -> Result<()> {
    let (counts, mut micros) = runtime.block_on(measure(address, visitors, time))?;
    micros.sort_unstable();
    let [median, high] = [50, 99].map(|percent| {
        let at = (micros.len() * percent / 100).min(micros.len().saturating_sub(1));
        micros.get(at).copied().unwrap_or_default()
    });
    let Counts {
        measured,
        missed,
        requests,
    } = counts;
    let seconds = time.as_secs_f64();
    println!("{measured} {seconds} {missed} {requests} {median} {high}");
    Ok(())
}

async fn measure(
    address: SocketAddr,
    visitors: usize,
    time: Duration,
) -> Result<(Counts, Vec<u128>)> {
    let mut clients = Vec::with_capacity(visitors);
    for _ in 0..visitors {
        clients.push(Client::connect(address, 1).await?);
    }
    let started = Instant::now() + Duration::from_millis(10);
    let (from, until) = (started + WARM_UP, started + WARM_UP + time);
    let interval = Duration::from_secs(1) / RATE;
    let clients = (0..).zip(clients);
    let tasks = clients.map(|(number, mut client)| {
        tokio::spawn(async move {
            let mut micros = Vec::new();
            let mut next = started + interval * number;
            while next < until {
                sleep_until(next).await;
                let took = client.cycle(0).await?;
                if next >= from {
                    client.counts.measured += 1;
                    micros.push(took.as_micros());
                }
                next += interval * u32::try_from(visitors).unwrap_or(u32::MAX);
            }
            Ok::<_, Error>((client.counts, micros))
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let (mut sum, mut all) = (Counts::default(), Vec::new());
    for task in tasks {
        let (counts, micros) = task.await.map_err(Error::other)??;
        sum.measured += counts.measured;
        sum.missed += counts.missed;
        sum.requests += counts.requests;
        all.extend(micros);
    }
    Ok((sum, all))
}
