//! Measures how soon another process receives a change, and counts the changes that it never
//! receives.
//!
//! Each context receives one add. The delay runs from the return of the add in this process to the
//! change that a listener in the other process receives. The listener receives it as soon as the
//! pending index has a dirty entry for the context. A negative delay means that the other process
//! received the change before the add returned.
//!
//! This process shares its core with Redis; the listener has a core of its own.
//! `BENCH_MAX_VISITORS` sets the total number of adds, a million by default. The last of them run
//! at full speed, and then the other process requests every page.

use comparison::compare;
use comparison::fixture::Fixture;
use comparison::listener::{Listener, VisitorGroup, now};
use comparison::programs::{self, OTHER_CORE};
use comparison::visitors;
use comparison::{Result, TEXT, environment};
use salver::{Context, Error, Message, Salver};

const IDLE: VisitorGroup = VisitorGroup {
    first: 0,
    visitors: 50_000,
    tasks: 1,
};
const BUSY: VisitorGroup = VisitorGroup {
    first: IDLE.visitors,
    visitors: 100_000,
    tasks: 64,
};

/// The times at which an add started and returned, in Unix nanoseconds.
#[derive(Clone, Copy)]
struct AddTimes {
    number: usize,
    started: u64,
    returned: u64,
}

/// Microseconds from the return of each add to its change, sorted, and the number of adds whose
/// change never arrived.
struct Delays {
    micros: Vec<f64>,
    lost: usize,
}

fn main() -> Result {
    environment::print()?;
    programs::pin_to_core(OTHER_CORE)?;
    environment::print_scheduler_stall();
    // Makes a million messages fit into memory.
    let mut fixture = Fixture::with(&["--zset-max-listpack-value", "512"])?;
    let mut listener = Listener::start(&fixture.server.url())?;
    listener.wait_until_synced()?;
    let scans_before = fixture.server.calls("scan")?;
    println!("\nMicroseconds from the return of an add until another process receives the change");
    let idle = measure_delays(&mut fixture, &mut listener, IDLE)?;
    idle.print("one add at a time");
    let busy = measure_delays(&mut fixture, &mut listener, BUSY)?;
    busy.print("64 adds at a time");
    let (added, missed) = add_at_full_speed(&mut fixture, &mut listener)?;
    if fixture.server.has_resynced(scans_before)? || !listener.is_synced()? {
        return Err("the index was resynced during the run; the results are invalid".into());
    }
    println!();
    idle.print_figure("idle");
    busy.print_figure("busy");
    let adds = IDLE.visitors + BUSY.visitors + added;
    let lost = idle.lost + busy.lost + missed as usize;
    println!("FIGURE propagation/lost adds={adds} lost={lost}");
    Ok(())
}

/// Adds a message for each visitor of the group, while the other process listens.
fn measure_delays(
    fixture: &mut Fixture,
    listener: &mut Listener,
    group: VisitorGroup,
) -> Result<Delays> {
    listener.listen(group)?;
    let adds = add(fixture, group)?;
    let changes = listener.change_times(group)?;
    let mut delays = Delays {
        micros: Vec::with_capacity(group.visitors),
        lost: 0,
    };
    for AddTimes {
        number,
        started,
        returned,
    } in adds
    {
        match changes.get(number - group.first).copied().flatten() {
            Some(changed) if changed < started => {
                return Err("a change arrived before its add; the results are invalid".into());
            }
            Some(changed) => delays.micros.push((changed as f64 - returned as f64) / 1e3),
            None => delays.lost += 1,
        }
    }
    delays.micros.sort_by(f64::total_cmp);
    Ok(delays)
}

/// Adds at full speed; afterwards the other process requests every page. Returns the number of adds
/// and the number of pages without their message.
fn add_at_full_speed(fixture: &mut Fixture, listener: &mut Listener) -> Result<(usize, u64)> {
    let first = IDLE.visitors + BUSY.visitors;
    let group = VisitorGroup {
        first,
        // With more adds in total, the index would exceed its capacity and scan all keys again.
        visitors: compare::max_visitors()?.saturating_sub(first),
        tasks: BUSY.tasks,
    };
    if group.visitors == 0 {
        println!("\nno adds at full speed: BENCH_MAX_VISITORS leaves no visitors for them");
        return Ok((0, 0));
    }
    let adds = add(fixture, group)?;
    let started = adds.iter().map(|add| add.started).min();
    let ended = adds.iter().map(|add| add.returned).max();
    let seconds = (ended.unwrap_or_default() - started.unwrap_or_default()) as f64 / 1e9;
    let missed = listener.missed(group.first, group.visitors)?;
    println!(
        "\n{} adds at full speed, {:.0} per second; pages of the other process without their message: {missed}",
        group.visitors,
        group.visitors as f64 / seconds
    );
    Ok((group.visitors, missed))
}

/// Adds one message for each visitor of the group. Each task makes one add after the other.
fn add(fixture: &Fixture, group: VisitorGroup) -> Result<Vec<AddTimes>> {
    let tasks: Result<Vec<Vec<_>>> = (0..group.tasks)
        .map(|task| {
            let context = |number| Ok((number, visitors::context(number)?));
            group.numbers_of_task(task).map(context).collect()
        })
        .collect();
    let tasks = tasks?.into_iter().map(|contexts| {
        let salver = fixture.salver.clone();
        fixture.runtime.spawn(add_each(salver, contexts))
    });
    let tasks: Vec<_> = tasks.collect();
    fixture.runtime.block_on(async {
        let mut adds = Vec::with_capacity(group.visitors);
        for task in tasks {
            adds.extend(task.await??);
        }
        Ok(adds)
    })
}

async fn add_each(salver: Salver, contexts: Vec<(usize, Context)>) -> Result<Vec<AddTimes>, Error> {
    let mut adds = Vec::with_capacity(contexts.len());
    for (number, context) in contexts {
        let message = Message::success(TEXT);
        let started = now();
        salver.add(&context, message).await?;
        let returned = now();
        adds.push(AddTimes {
            number,
            started,
            returned,
        });
    }
    Ok(adds)
}

impl Delays {
    /// Returns the delay that a share of all delays does not exceed.
    fn quantile(&self, share: f64) -> f64 {
        let last = self.micros.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.micros.get(index).copied().unwrap_or_default()
    }

    fn print(&self, name: &str) {
        let early = self.micros.iter().filter(|micros| **micros <= 0.0).count();
        println!(
            "{name:<20} p50 {:<10.0} p99 {:<10.0} max {:<10.0} received before the add returned {:.0} %, never {}",
            self.quantile(0.5),
            self.quantile(0.99),
            self.quantile(1.0),
            100.0 * early as f64 / self.micros.len().max(1) as f64,
            self.lost
        );
    }

    fn print_figure(&self, name: &str) {
        println!(
            "FIGURE propagation/{name} p50_us={:.0} p99_us={:.0} max_us={:.0}",
            self.quantile(0.5),
            self.quantile(0.99),
            self.quantile(1.0)
        );
    }
}
