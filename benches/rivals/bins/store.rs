//! Operations per second of Salver's handle, against the same scripts sent raw down one pipeline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rivals::compare::{self, Pair, Side};
use rivals::figures::Figures;
use rivals::handle::{Wish, ask_for_all};
use rivals::people::{self, Person};
use rivals::pipe::Pipe;
use rivals::programs::{self, SITE_CORE};
use rivals::scripts::{Look, Scripts};
use rivals::server::Server;
use rivals::{Outcome, machine};
use salver::Salver;
use tokio::runtime::{Builder, Runtime};

const PEOPLE: usize = 50_000;
/// How many claims a confirm stands behind its own, down the pipeline.
const BEHIND: usize = 128;

struct Bench {
    server: Server,
    pipe: Pipe,
    scripts: Scripts,
    salver: Salver,
    runtime: Runtime,
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
    machine::tell()?;
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
        let server = Server::start(&[])?;
        let people: Outcome<Vec<_>> = (0..PEOPLE).map(Person::nth).collect();
        Ok(Self {
            pipe: Pipe::open(&server)?,
            salver: people::salver(&server.url())?,
            server,
            scripts: Scripts::default(),
            runtime: Builder::new_current_thread().enable_all().build()?,
            people: people?.into(),
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
        self.server.empty()?;
        if !matches!(wish, Wish::Add) {
            self.pipe
                .send(self.people.iter().map(|person| person.add(&self.scripts)))?;
        }
        let (client, server) = (programs::busy("self")?, self.server.spent()?);
        let started = Instant::now();
        match side {
            Side::Left => ask_for_all(&self.runtime, &self.salver, &self.people, wish)?,
            Side::Right => self.by_hand(wish)?,
        }
        let took = started.elapsed();
        let server = self.server.spent()?.since(&server);
        let client = programs::busy("self")?.saturating_sub(client);
        let micros = |busy: Duration| busy.as_secs_f64() * 1e6 / PEOPLE as f64;
        spent.client.push(micros(client));
        spent.server.push(micros(server.busy));
        spent.script.push(server.micros_per_call("evalsha"));
        Ok(PEOPLE as f64 / took.as_secs_f64())
    }

    fn by_hand(&mut self, wish: Wish) -> Outcome {
        let (people, scripts) = (&self.people, &self.scripts);
        match wish {
            Wish::Add => self
                .pipe
                .send(people.iter().map(|person| person.add(scripts))),
            Wish::Take => {
                let takes = people.iter().map(|person| person.look(scripts, Look::Take));
                self.pipe.send(takes)
            }
            Wish::Claim => {
                let claim = |at: usize| Some(people.get(at)?.look(scripts, Look::Claim));
                let confirm = |at: usize| Some(people.get(at)?.confirm(scripts));
                let both = |at: usize| [claim(at), at.checked_sub(BEHIND).and_then(confirm)];
                self.pipe
                    .send((0..PEOPLE + BEHIND).flat_map(both).flatten())
            }
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
