//! What the pending index costs a process: memory, the time to learn all again, and to hear of every add.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use comparison::compare;
use comparison::fixture::Setting;
use comparison::listener::Listener;
use comparison::load::{self, Plan, VISITORS};
use comparison::programs::{self, OTHER_CORE, SITE_CORE};
use comparison::site::Site;
use comparison::statistics::Figures;
use comparison::visitors;
use comparison::{Outcome, TEXT};
use redis::cmd;
use salver::{Message, wire};

/// How long the idle pages are counted that nothing disturbs.
const IDLE: Duration = Duration::from_secs(1);
/// Longest time until a process notices that its connection is gone, or has heard the last of many adds.
const LONGEST: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_millis(1);

/// What it comes to.
pub(crate) struct Kept {
    bytes_per_context: f64,
    resync_seconds: Figures,
    slowed_percent: Figures,
    absorbed_per_second: Figures,
}

impl fmt::Display for Kept {
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

/// Prints what the index costs with the most contexts.
pub(crate) fn keep() -> Outcome<Kept> {
    let top = compare::top()?;
    println!(
        "\nThe pending index of a process, with {top} contexts, {} rounds",
        compare::rounds()?
    );
    // So that the contexts leave room for others.
    let mut setting = Setting::with(&["--zset-max-listpack-value", "512"])?;
    // Who writes is not to take the time of who listens.
    programs::stay_on_core(OTHER_CORE)?;
    let heard = absorb(&mut setting, top)?;
    programs::stay_on_core(SITE_CORE)?;
    let learned = learn_again(&mut setting)?;
    Ok(Kept {
        bytes_per_context: heard.bytes_per_context,
        resync_seconds: learned.seconds,
        slowed_percent: learned.slowed_percent,
        absorbed_per_second: heard.per_second,
    })
}

struct Heard {
    bytes_per_context: f64,
    /// How many adds one core could hear of in a second, by the time that it spent on these.
    per_second: Figures,
}

/// Adds to every context by hand, as fast as the server takes it, while a process listens.
fn absorb(setting: &mut Setting, top: usize) -> Outcome<Heard> {
    let mut listener = Listener::start(&setting.server.url())?;
    listener.learn()?;
    let asked = setting.server.calls("scan")?;
    let (before, mut bytes_per_context) = (listener.memory()?, 0.0);
    let member = wire::encode(&Message::success(TEXT))?;
    let (mut rates, mut absorbed) = (Vec::new(), Vec::new());
    for round in 0..compare::rounds()? {
        let (started, busy) = (Instant::now(), listener.busy()?);
        // Another time each round, or nothing would change.
        let add = |number| visitors::add_bare(number, round as u64, &member).ok();
        setting.pipe.send((0..top).filter_map(add))?;
        rates.push(top as f64 / started.elapsed().as_secs_f64());
        hear_last(&mut listener, top)?;
        let busy = listener.busy()?.saturating_sub(busy);
        absorbed.push(top as f64 / busy.as_secs_f64());
        if round == 0 {
            bytes_per_context = (listener.memory()? - before) / top as f64;
        }
    }
    if setting.server.has_gone_round(asked)? || !listener.knows()? {
        return Err("the index was lost while it listened: these figures say nothing".into());
    }
    let (rates, per_second) = (Figures::of(rates), Figures::of(absorbed));
    println!("bytes for each context    {bytes_per_context:.1}");
    println!("adds that came, a second  {rates:.0}");
    println!("that one core can hear of {per_second:.0}");
    Ok(Heard {
        bytes_per_context,
        per_second,
    })
}

/// Waits until the page of the last context shows its messages: then all before it were heard of.
fn hear_last(listener: &mut Listener, top: usize) -> Outcome {
    wait("the last message does not come", || {
        Ok(listener.missed(top - 1, 1)? == 0)
    })
}

struct Learned {
    seconds: Figures,
    slowed_percent: Figures,
}

/// Breaks the connection over which a site hears, and lets it learn all again while visitors ask for its pages.
fn learn_again(setting: &mut Setting) -> Outcome<Learned> {
    let url = setting.server.url();
    let site = Site::start("salver", &url)?;
    // Its pages ask always, as those of the other do until it knows.
    let asking = Site::start("strict", &url)?;
    let alone = lose(setting, &site)?;
    println!("seconds to learn alone    {:.2}", alone.as_secs_f64());
    let (mut seconds, mut rates) = (Vec::new(), [const { Vec::new() }; 3]);
    for _ in 0..compare::rounds()? {
        let (took, learning) = learn_with_visitors(setting, &site, alone)?;
        seconds.push(took.as_secs_f64());
        let all = [visit(&site, IDLE)?, learning, visit(&asking, IDLE)?];
        rates
            .iter_mut()
            .zip(all)
            .for_each(|(rates, rate)| rates.push(rate));
    }
    Ok(tell(seconds, rates))
}

/// Tells how long it took, and how many pages a second there were meanwhile.
fn learn_with_visitors(
    setting: &mut Setting,
    site: &Site,
    alone: Duration,
) -> Outcome<(Duration, f64)> {
    // Shorter than it takes, so that the first visit at least is of the time in which the site learns.
    let brief = IDLE.min(alone / 2);
    let is_over = AtomicBool::new(false);
    let (took, rate) = thread::scope(|scope| {
        let visits = || visit_until(&is_over, site, brief).map_err(|error| error.to_string());
        let visitors = scope.spawn(visits);
        let took = lose(setting, site);
        is_over.store(true, Ordering::Relaxed);
        (took, visitors.join())
    });
    Ok((took?, rate.map_err(|_| "the load has panicked")??))
}

/// Lets visitors at a site until something is over; tells the rate of the visits before that.
fn visit_until(is_over: &AtomicBool, site: &Site, time: Duration) -> Outcome<f64> {
    let mut rates = vec![visit(site, time)?];
    loop {
        let rate = visit(site, time)?;
        if is_over.load(Ordering::Relaxed) {
            return Ok(rates.iter().sum::<f64>() / rates.len() as f64);
        }
        rates.push(rate);
    }
}

fn tell(seconds: Vec<f64>, [known, learning, asking]: [Vec<f64>; 3]) -> Learned {
    let slowed = |others: &[f64]| {
        let both = learning.iter().zip(others);
        Figures::of(
            both.map(|(rate, other)| 100.0 * (1.0 - rate / other))
                .collect(),
        )
    };
    let (slowed_percent, slowed_asking) = (slowed(&known), slowed(&asking));
    let seconds = Figures::of(seconds);
    println!("seconds to learn again    {seconds:.2}");
    println!("idle pages, all known     {:.0}", Figures::of(known));
    println!("idle pages meanwhile      {:.0}", Figures::of(learning));
    println!("fewer by percent          {slowed_percent:.1}");
    println!("pages that always ask     {:.0}", Figures::of(asking));
    println!("fewer than those          {slowed_asking:.1}");
    Learned {
        seconds,
        slowed_percent,
    }
}

fn visit(site: &Site, time: Duration) -> Outcome<f64> {
    Ok(load::ask(site, Plan::Idle, VISITORS, time)?.rate())
}

/// Breaks the connection over which a site hears; tells how long it took until all was known again.
fn lose(setting: &mut Setting, site: &Site) -> Outcome<Duration> {
    let started = Instant::now();
    let mut kill = cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("pubsub");
    setting.server.run::<u64>(&kill)?;
    wait("the site does not notice that it hears nothing", || {
        site.is_learning()
    })?;
    site.learn()?;
    Ok(started.elapsed())
}

fn wait(failure: &str, mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome {
    let started = Instant::now();
    while !is_so()? {
        if started.elapsed() > LONGEST {
            return Err(failure.into());
        }
        thread::sleep(BETWEEN);
    }
    Ok(())
}
