//! How soon another process knows what was added, and whether it ever does not.
//!
//! Each context is added to once. The time is that from the return of the add in this process to the ring of a
//! watch in the other one, which rings as soon as the pending index has its mark; a negative one says that the
//! other process knew first.
//! Who adds shares its core with the server, who listens has one to itself. `TOP` sets how many adds there are in
//! all, the last of them at full speed before every page is looked at; as it comes, a million.

use comparison::compare;
use comparison::fixture::Setting;
use comparison::listener::{Crowd, Listener, now};
use comparison::programs::{self, OTHER_CORE};
use comparison::visitors;
use comparison::{Outcome, TEXT, environment};
use salver::{Context, Error, Message, Salver};

const IDLE: Crowd = Crowd {
    first: 0,
    people: 50_000,
    lanes: 1,
};
const BUSY: Crowd = Crowd {
    first: IDLE.people,
    people: 100_000,
    lanes: 64,
};

/// When an add began, and when it returned.
#[derive(Clone, Copy)]
struct Added {
    number: usize,
    began: u64,
    returned: u64,
}

/// Microseconds from the return of an add to the ring, sorted, and how many did not ring.
struct Delays {
    micros: Vec<f64>,
    lost: usize,
}

fn main() -> Outcome {
    environment::tell()?;
    programs::stay_on_core(OTHER_CORE)?;
    environment::tell_stillness();
    // So that a million messages leave room for others.
    let mut setting = Setting::with(&["--zset-max-listpack-value", "512"])?;
    let mut listener = Listener::start(&setting.server.url())?;
    listener.learn()?;
    let asked = setting.server.calls("scan")?;
    println!("\nMicroseconds from the return of an add until another process knows");
    let idle = delays(&mut setting, &mut listener, IDLE)?;
    idle.tell("one add at a time");
    let busy = delays(&mut setting, &mut listener, BUSY)?;
    busy.tell("64 adds at a time");
    let (top, missed) = pages(&mut setting, &mut listener)?;
    if setting.server.has_gone_round(asked)? || !listener.knows()? {
        return Err("the index was lost meanwhile: these figures say nothing".into());
    }
    println!();
    idle.figure("idle");
    busy.figure("busy");
    let adds = IDLE.people + BUSY.people + top;
    let lost = idle.lost + busy.lost + missed as usize;
    println!("FIGURE freshness/lost adds={adds} lost={lost}");
    Ok(())
}

/// Adds for all of the crowd while the other process watches.
fn delays(setting: &mut Setting, listener: &mut Listener, crowd: Crowd) -> Outcome<Delays> {
    listener.watch(crowd)?;
    let added = add(setting, crowd)?;
    let heard = listener.heard(crowd)?;
    let mut delays = Delays {
        micros: Vec::with_capacity(crowd.people),
        lost: 0,
    };
    for Added {
        number,
        began,
        returned,
    } in added
    {
        match heard.get(number - crowd.first).copied().flatten() {
            Some(heard) if heard < began => {
                return Err("a watch rang before its add: these figures say nothing".into());
            }
            Some(heard) => delays.micros.push((heard as f64 - returned as f64) / 1e3),
            None => delays.lost += 1,
        }
    }
    delays.micros.sort_by(f64::total_cmp);
    Ok(delays)
}

/// Adds at full speed, then has everybody look at the page: tells how many adds there were, and how many pages
/// were without their message.
fn pages(setting: &mut Setting, listener: &mut Listener) -> Outcome<(usize, u64)> {
    let first = IDLE.people + BUSY.people;
    let crowd = Crowd {
        first,
        // Of more in all the index would go through all keys again, to have room.
        people: compare::top()?.saturating_sub(first),
        lanes: BUSY.lanes,
    };
    let added = add(setting, crowd)?;
    let began = added.iter().map(|added| added.began).min();
    let ended = added.iter().map(|added| added.returned).max();
    let seconds = (ended.unwrap_or_default() - began.unwrap_or_default()) as f64 / 1e9;
    let missed = listener.missed(crowd.first, crowd.people)?;
    println!(
        "\n{} adds at full speed, {:.0} a second; of as many pages of the other process, without their message: {missed}",
        crowd.people,
        crowd.people as f64 / seconds
    );
    Ok((crowd.people, missed))
}

/// Adds once for each of the crowd, in each lane one after the other.
fn add(setting: &Setting, crowd: Crowd) -> Outcome<Vec<Added>> {
    let lanes: Outcome<Vec<Vec<_>>> = (0..crowd.lanes)
        .map(|lane| {
            let context = |number| Ok((number, visitors::context(number)?));
            crowd.lane(lane).map(context).collect()
        })
        .collect();
    let lanes = lanes?.into_iter().map(|lane| {
        let salver = setting.salver.clone();
        setting.runtime.spawn(add_lane(salver, lane))
    });
    let lanes: Vec<_> = lanes.collect();
    setting.runtime.block_on(async {
        let mut added = Vec::with_capacity(crowd.people);
        for lane in lanes {
            added.extend(lane.await??);
        }
        Ok(added)
    })
}

async fn add_lane(salver: Salver, lane: Vec<(usize, Context)>) -> Result<Vec<Added>, Error> {
    let mut added = Vec::with_capacity(lane.len());
    for (number, context) in lane {
        let message = Message::success(TEXT);
        let began = now();
        salver.add(&context, message).await?;
        let returned = now();
        added.push(Added {
            number,
            began,
            returned,
        });
    }
    Ok(added)
}

impl Delays {
    /// Gives what so much of the whole stays below.
    fn below(&self, share: f64) -> f64 {
        let last = self.micros.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        self.micros.get(place).copied().unwrap_or_default()
    }

    fn tell(&self, name: &str) {
        let known = self.micros.iter().filter(|micros| **micros <= 0.0).count();
        println!(
            "{name:<20} p50 {:<10.0} p99 {:<10.0} most {:<10.0} known when the add returns {:.0} %, never {}",
            self.below(0.5),
            self.below(0.99),
            self.below(1.0),
            100.0 * known as f64 / self.micros.len().max(1) as f64,
            self.lost
        );
    }

    fn figure(&self, name: &str) {
        println!(
            "FIGURE freshness/{name} p50_us={:.0} p99_us={:.0} max_us={:.0}",
            self.below(0.5),
            self.below(0.99),
            self.below(1.0)
        );
    }
}
