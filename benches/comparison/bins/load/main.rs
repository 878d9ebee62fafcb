//! Visitors who ask a site for pages as fast as it answers: `load <address> <plan> <visitors> <milliseconds>`.
//!
//! Each waits for every answer. Prints four figures: how many pages or cycles were measured, in how many
//! seconds, how many messages were missing or not for that page, and how many requests there were in all.

mod clock;
mod connection;
mod guest;
mod visitor;

use std::env;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinHandle;

use clock::Clock;
use guest::{Counted, Guest};

/// How many visitors take turns on one connection where each has a message waiting: enough for a while that
/// can be measured between one round of forms and the next.
const TURNS: usize = 16;

/// How long this program sleeps at a time: far less than the site needs for the requests that are waiting.
const PACE: Duration = Duration::from_micros(100);

#[derive(Clone, Copy)]
enum Plan {
    Idle,
    Cycle,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, plan, visitors, milliseconds] = arguments.as_slice() else {
        return Err(Error::other(
            "load needs an address, a plan, how many visitors, and for how many milliseconds",
        ));
    };
    let address: SocketAddr = address.parse().map_err(Error::other)?;
    let visitors: usize = visitors.parse().map_err(Error::other)?;
    let time = Duration::from_millis(milliseconds.parse().map_err(Error::other)?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.spawn(pace());
    let (counted, measured) = match plan.as_str() {
        "idle" => runtime.block_on(loose(address, visitors, time, Plan::Idle)),
        "cycle" => runtime.block_on(loose(address, visitors, time, Plan::Cycle)),
        "shown" => runtime.block_on(in_step(address, visitors, time)),
        _ => Err(Error::other(format!("load knows no plan '{plan}'"))),
    }?;
    println!(
        "{} {} {} {}",
        counted.measured,
        measured.as_secs_f64(),
        counted.missed,
        counted.requests
    );
    Ok(())
}

/// Looks for answers now and then, and sleeps in between whatever comes. Else a site would pay for waking this
/// program with each answer, unless it is so fast that this program never sleeps: the faster of two sites would
/// seem faster than it is.
async fn pace() {
    loop {
        std::thread::sleep(PACE);
        tokio::task::yield_now().await;
    }
}

/// Every visitor goes on as soon as it has an answer.
async fn loose(
    address: SocketAddr,
    visitors: usize,
    time: Duration,
    plan: Plan,
) -> Result<(Counted, Duration)> {
    let clock = Arc::new(Clock::default());
    let mut visits = Vec::with_capacity(visitors);
    for _ in 0..visitors {
        let mut guest = Guest::arrive(address, 1).await?;
        if let Plan::Idle = plan {
            // Whoever does nothing did something a while ago.
            guest.rest();
        }
        visits.push(tokio::spawn(visit(guest, plan, Arc::clone(&clock))));
    }
    let measured = clock.run(time).await;
    let guests = all(visits).await?;
    Ok((sum(&guests), measured))
}

async fn visit(mut guest: Guest, plan: Plan, clock: Arc<Clock>) -> Result<Guest> {
    while !clock.is_over() {
        match plan {
            Plan::Idle => guest.see(0).await?,
            Plan::Cycle => {
                guest.post().await?;
                guest.see(1).await?;
            }
        }
        if clock.is_measuring() {
            guest.counted.measured += 1;
        }
    }
    Ok(guest)
}

/// All visitors post their forms, then all look: only the looking is measured.
async fn in_step(
    address: SocketAddr,
    visitors: usize,
    time: Duration,
) -> Result<(Counted, Duration)> {
    let mut guests = Vec::with_capacity(visitors);
    for _ in 0..visitors {
        guests.push(Guest::arrive(address, TURNS).await?);
    }
    let (started, mut measured) = (Instant::now(), Duration::ZERO);
    while started.elapsed() < time {
        let posts = guests.drain(..).map(|guest| tokio::spawn(post(guest)));
        guests = all(posts.collect()).await?;
        let looked = Instant::now();
        let looks = guests.drain(..).map(|guest| tokio::spawn(look(guest)));
        guests = all(looks.collect()).await?;
        measured += looked.elapsed();
    }
    Ok((sum(&guests), measured))
}

async fn post(mut guest: Guest) -> Result<Guest> {
    guest.post().await?;
    Ok(guest)
}

async fn look(mut guest: Guest) -> Result<Guest> {
    guest.see(1).await?;
    guest.counted.measured += guest.visitors();
    Ok(guest)
}

async fn all(visits: Vec<JoinHandle<Result<Guest>>>) -> Result<Vec<Guest>> {
    let mut guests = Vec::with_capacity(visits.len());
    for visit in visits {
        guests.push(visit.await.map_err(Error::other)??);
    }
    Ok(guests)
}

fn sum(guests: &[Guest]) -> Counted {
    let mut sum = Counted::default();
    for guest in guests {
        sum.measured += guest.counted.measured;
        sum.missed += guest.counted.missed;
        sum.requests += guest.counted.requests;
    }
    sum
}
