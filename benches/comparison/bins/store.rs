//! Operations per second of Salver's handle, against the same scripts sent raw down one pipeline.

use std::sync::Arc;

use comparison::compare::{self, Pair, Side};
use comparison::fixture::{Setting, micros_each};
use comparison::handle::Wish;
use comparison::programs::{self, SITE_CORE};
use comparison::scripts::Look;
use comparison::statistics::Figures;
use comparison::visitors::Person;
use comparison::{Outcome, environment};

const PEOPLE: usize = 50_000;
/// How many claims a confirm stands behind its own, down the pipeline.
const BEHIND: usize = 128;

struct Bench {
    setting: Setting,
    people: Arc<[Person]>,
}

/// What the processors of both ends spent on an operation, in microseconds.
#[derive(Default)]
struct Spent {
    client: Vec<f64>,
    server: Vec<f64>,
    script: Vec<f64>,
}

fn main() -> Outcome {
    environment::tell()?;
    programs::stay_on_core(SITE_CORE)?;
    let mut bench = Bench::new()?;
    println!(
        "\nOperations on the store, {PEOPLE} each, {} rounds",
        compare::rounds()?
    );
    println!(
        "{:<16} {:<24} {:<20} {:>9} {:>9} {:>9}",
        "", "per second", "ratio", "client us", "redis us", "script us"
    );
    let mut ratios = Vec::new();
    for (name, wish) in [
        ("add", Wish::Add),
        ("claim", Wish::Claim),
        ("take", Wish::Take),
    ] {
        ratios.push((name, bench.compare(name, wish)?));
    }
    println!();
    for (name, ratio) in ratios {
        ratio.tell(&format!("store/{name}"));
    }
    Ok(())
}

impl Bench {
    fn new() -> Outcome<Self> {
        let people: Outcome<_> = (0..PEOPLE).map(Person::nth).collect();
        Ok(Self {
            setting: Setting::new()?,
            people: people?,
        })
    }

    fn compare(&mut self, name: &str, wish: Wish) -> Outcome<Figures> {
        let mut spent = [Spent::default(), Spent::default()];
        // The first time is the worst: connections are made, memory is asked for.
        self.measure(Side::Left, wish, &mut Spent::default())?;
        self.measure(Side::Right, wish, &mut Spent::default())?;
        let pair = compare::in_turn(|side| self.measure(side, wish, &mut spent[side as usize]))?;
        let Pair { left, right, ratio } = pair;
        let [by_salver, by_hand] = spent;
        row(&format!("{name} by Salver"), left, None, by_salver);
        row(&format!("{name} by hand"), right, Some(ratio), by_hand);
        Ok(ratio)
    }

    /// Gives how many operations a second there were.
    fn measure(&mut self, side: Side, wish: Wish, spent: &mut Spent) -> Outcome<f64> {
        self.setting.server.empty()?;
        if !matches!(wish, Wish::Add) {
            self.setting.fill(PEOPLE)?;
        }
        let before = programs::busy("self")?;
        let (took, server) = match side {
            Side::Left => self.setting.time(&self.people, wish)?,
            Side::Right => {
                let people = &self.people;
                self.setting
                    .time_of(|setting| by_hand(setting, people, wish))?
            }
        };
        let client = programs::busy("self")?.saturating_sub(before);
        spent.client.push(micros_each(client, PEOPLE));
        spent.server.push(micros_each(server.busy, PEOPLE));
        spent.script.push(server.micros_per_call("evalsha"));
        Ok(PEOPLE as f64 / took.as_secs_f64())
    }
}

fn by_hand(setting: &mut Setting, people: &[Person], wish: Wish) -> Outcome {
    let Setting { pipe, scripts, .. } = setting;
    match wish {
        Wish::Add => pipe.send(people.iter().map(|person| person.add(scripts))),
        Wish::Take => pipe.send(people.iter().map(|person| person.look(scripts, Look::Take))),
        Wish::Claim => {
            let claim = |at: usize| Some(people.get(at)?.look(scripts, Look::Claim));
            let confirm = |at: usize| Some(people.get(at)?.confirm(scripts));
            let both = |at: usize| [claim(at), at.checked_sub(BEHIND).and_then(confirm)];
            pipe.send((0..PEOPLE + BEHIND).flat_map(both).flatten())
        }
    }
}

fn row(name: &str, rate: Figures, ratio: Option<Figures>, spent: Spent) {
    let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    let [client, server, script] =
        [spent.client, spent.server, spent.script].map(|figures| Figures::of(figures).median);
    println!(
        "{name:<16} {:<24} {ratio:<20} {client:>9.1} {server:>9.1} {script:>9.1}",
        format!("{rate:.0}")
    );
}
