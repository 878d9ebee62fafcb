//! The cost of the pending index for a process: memory, the time of a resync, and the CPU time of
//! receiving every add.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use comparison::compare;
use comparison::fixture::Fixture;
use comparison::listener::Listener;
use comparison::load::{self, VISITORS, Workload};
use comparison::programs::{self, OTHER_CORE, SITE_CORE};
use comparison::site::Site;
use comparison::statistics::Statistics;
use comparison::visitors;
use comparison::{Result, TEXT};
use redis::cmd;
use salver::{Message, wire};

/// Length of one measurement of idle pages outside a resync.
const IDLE_TIME: Duration = Duration::from_secs(1);
/// Maximum time until a process detects a lost connection, or has received the last of many adds.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The costs of the pending index.
pub(crate) struct IndexCosts {
    bytes_per_context: f64,
    resync_seconds: Statistics,
    slowed_percent: Statistics,
    absorbed_per_second: Statistics,
}

impl fmt::Display for IndexCosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "FIGURE scale/index bytes_per_context={:.1} resync_seconds={:.2} slowed_percent={:.1} absorbed_per_second={:.0}",
            self.bytes_per_context,
            self.resync_seconds.median,
            self.slowed_percent.median,
            self.absorbed_per_second.median
        )
    }
}

/// Prints the costs of the index with the maximum number of contexts.
pub(crate) fn measure() -> Result<IndexCosts> {
    let contexts = compare::max_visitors()?;
    println!(
        "\nThe pending index of a process, with {contexts} contexts, {} rounds",
        compare::rounds()?
    );
    // Makes the contexts fit into memory.
    let mut fixture = Fixture::with(&["--zset-max-listpack-value", "512"])?;
    // The writer must not use CPU time of the listener's core.
    programs::pin_to_core(OTHER_CORE)?;
    let changes = measure_changes(&mut fixture, contexts)?;
    programs::pin_to_core(SITE_CORE)?;
    let resyncs = measure_resyncs(&mut fixture)?;
    Ok(IndexCosts {
        bytes_per_context: changes.bytes_per_context,
        resync_seconds: resyncs.seconds,
        slowed_percent: resyncs.slowed_percent,
        absorbed_per_second: changes.per_second,
    })
}

struct ChangeCosts {
    bytes_per_context: f64,
    /// Changes that one core can receive in a second, computed from the CPU time of the listener.
    per_second: Statistics,
}

/// Adds to every context with plain commands, as fast as Redis accepts them, while a process
/// receives the changes.
fn measure_changes(fixture: &mut Fixture, contexts: usize) -> Result<ChangeCosts> {
    let mut listener = Listener::start(&fixture.server.url())?;
    listener.wait_until_synced()?;
    let scans_before = fixture.server.calls("scan")?;
    let (bytes_before, mut bytes_per_context) = (listener.resident_bytes()?, 0.0);
    let member = wire::encode(&Message::success(TEXT))?;
    let (mut add_rates, mut change_rates) = (Vec::new(), Vec::new());
    for round in 0..compare::rounds()? {
        let (started, cpu_before) = (Instant::now(), listener.cpu_time()?);
        // Each round writes another score, since an unchanged member causes no invalidation.
        let add = |number| visitors::plain_add(number, round as u64, &member).ok();
        fixture.connection.send((0..contexts).filter_map(add))?;
        add_rates.push(contexts as f64 / started.elapsed().as_secs_f64());
        wait_for_last_change(&mut listener, contexts)?;
        let cpu_time = listener.cpu_time()?.saturating_sub(cpu_before);
        change_rates.push(contexts as f64 / cpu_time.as_secs_f64());
        if round == 0 {
            bytes_per_context = (listener.resident_bytes()? - bytes_before) / contexts as f64;
        }
    }
    if fixture.server.has_resynced(scans_before)? || !listener.is_synced()? {
        return Err("the index was resynced during the run; the results are invalid".into());
    }
    let (add_rates, per_second) = (Statistics::of(add_rates), Statistics::of(change_rates));
    println!("bytes per context                   {bytes_per_context:.1}");
    println!("adds per second                     {add_rates:.0}");
    println!("changes per second and core         {per_second:.0}");
    Ok(ChangeCosts {
        bytes_per_context,
        per_second,
    })
}

/// Waits until the page of the last context shows its messages. All earlier changes have then been
/// received.
fn wait_for_last_change(listener: &mut Listener, contexts: usize) -> Result {
    wait_until("the last message does not appear", || {
        Ok(listener.missed(contexts - 1, 1)? == 0)
    })
}

struct ResyncCosts {
    seconds: Statistics,
    slowed_percent: Statistics,
}

/// Repeatedly breaks the tracking connection of a site, and measures the resync while visitors
/// request pages.
fn measure_resyncs(fixture: &mut Fixture) -> Result<ResyncCosts> {
    let url = fixture.server.url();
    let site = Site::start("salver", &url)?;
    // Each page of this site queries Redis, as each page of `site` does during a resync.
    let without_index = Site::start("without-index", &url)?;
    let unloaded = force_resync(fixture, &site)?;
    println!(
        "seconds of a resync without load    {:.2}",
        unloaded.as_secs_f64()
    );
    let (mut seconds, mut rates) = (Vec::new(), [const { Vec::new() }; 3]);
    for _ in 0..compare::rounds()? {
        let (elapsed, resyncing) = resync_under_load(fixture, &site, unloaded)?;
        seconds.push(elapsed.as_secs_f64());
        let all = [
            page_rate(&site, IDLE_TIME)?,
            resyncing,
            page_rate(&without_index, IDLE_TIME)?,
        ];
        rates
            .iter_mut()
            .zip(all)
            .for_each(|(rates, rate)| rates.push(rate));
    }
    Ok(print_resync_costs(seconds, rates))
}

/// Returns the duration of a resync, and the pages per second meanwhile.
fn resync_under_load(
    fixture: &mut Fixture,
    site: &Site,
    unloaded: Duration,
) -> Result<(Duration, f64)> {
    // Shorter than the resync, so that at least the first run of the load is entirely within it.
    let time = IDLE_TIME.min(unloaded / 2);
    let is_synced = AtomicBool::new(false);
    let (elapsed, rate) = thread::scope(|scope| {
        let run = || page_rate_until(&is_synced, site, time).map_err(|error| error.to_string());
        let load = scope.spawn(run);
        let elapsed = force_resync(fixture, site);
        is_synced.store(true, Ordering::Relaxed);
        (elapsed, load.join())
    });
    Ok((elapsed?, rate.map_err(|_| "the load has panicked")??))
}

/// Runs the load on a site repeatedly until `is_finished`. Returns the average rate of the first
/// run and all runs that ended before that.
fn page_rate_until(is_finished: &AtomicBool, site: &Site, time: Duration) -> Result<f64> {
    let mut rates = vec![page_rate(site, time)?];
    loop {
        let rate = page_rate(site, time)?;
        if is_finished.load(Ordering::Relaxed) {
            return Ok(rates.iter().sum::<f64>() / rates.len() as f64);
        }
        rates.push(rate);
    }
}

fn print_resync_costs(
    seconds: Vec<f64>,
    [synced, resyncing, without_index]: [Vec<f64>; 3],
) -> ResyncCosts {
    let slowed = |others: &[f64]| {
        let pairs = resyncing.iter().zip(others);
        Statistics::of(
            pairs
                .map(|(rate, other)| 100.0 * (1.0 - rate / other))
                .collect(),
        )
    };
    let (slowed_percent, slowed_vs_without_index) = (slowed(&synced), slowed(&without_index));
    let seconds = Statistics::of(seconds);
    println!("seconds of a resync under load      {seconds:.2}");
    println!(
        "idle pages per second, synced       {:.0}",
        Statistics::of(synced)
    );
    println!(
        "idle pages per second, resyncing    {:.0}",
        Statistics::of(resyncing)
    );
    println!("slower than synced, percent         {slowed_percent:.1}");
    println!(
        "idle pages per second, no index     {:.0}",
        Statistics::of(without_index)
    );
    println!("slower than without index, percent  {slowed_vs_without_index:.1}");
    ResyncCosts {
        seconds,
        slowed_percent,
    }
}

fn page_rate(site: &Site, time: Duration) -> Result<f64> {
    Ok(load::run_program(site, Workload::NothingPending, VISITORS, time)?.rate())
}

/// Breaks the tracking connection of a site. Returns the time until its index is synced again.
fn force_resync(fixture: &mut Fixture, site: &Site) -> Result<Duration> {
    let started = Instant::now();
    let mut kill = cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("pubsub");
    fixture.server.run::<u64>(&kill)?;
    wait_until("the site does not detect the lost connection", || {
        site.is_syncing()
    })?;
    site.wait_until_synced()?;
    Ok(started.elapsed())
}

fn wait_until(failure: &str, mut condition: impl FnMut() -> Result<bool>) -> Result {
    let started = Instant::now();
    while !condition()? {
        if started.elapsed() > WAIT_TIMEOUT {
            return Err(failure.into());
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}
