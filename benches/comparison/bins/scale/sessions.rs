//! What things cost with many sessions pending, against a thousand.

use std::sync::Arc;
use std::time::Duration;

use comparison::Outcome;
use comparison::compare::{self, Pair};
use comparison::fixture::{Setting, micros_each};
use comparison::handle::Wish;
use comparison::load::{self, Plan};
use comparison::site::Site;
use comparison::statistics::Figures;
use comparison::visitors::Person;

const LEAST: usize = 1_000;
/// How often a batch of people is asked for in one measurement.
const TIMES: usize = 10;
const IDLE: Duration = Duration::from_secs(1);

/// A server with so many sessions pending, and some of them, spread over all.
struct Pending {
    setting: Setting,
    sample: Arc<[Person]>,
}

impl Pending {
    fn new(sessions: usize) -> Outcome<Self> {
        let mut setting = Setting::new()?;
        setting.fill(sessions)?;
        let sample: Outcome<_> = (0..sessions)
            .step_by(sessions / LEAST)
            .map(Person::nth)
            .collect();
        Ok(Self {
            setting,
            sample: sample?,
        })
    }

    /// Gives microseconds for an add, or for a claim and its confirm, while the number of messages stays.
    fn cost(&mut self, wish: Wish) -> Outcome<f64> {
        let mut cost = Duration::ZERO;
        for _ in 0..TIMES {
            let (claims, _) = self.setting.time(&self.sample, Wish::Claim)?;
            let (adds, _) = self.setting.time(&self.sample, Wish::Add)?;
            cost += match wish {
                Wish::Add => adds,
                Wish::Claim | Wish::Take => claims,
            };
        }
        Ok(micros_each(cost, TIMES * self.sample.len()))
    }

    /// Gives microseconds of the server for plain commands on the same keys.
    fn cost_by_hand(&mut self) -> Outcome<f64> {
        let Self { setting, sample } = self;
        let by_hand = || sample.iter().flat_map(Person::by_hand);
        let (_, spent) =
            setting.time_of(|setting| (0..TIMES).try_for_each(|_| setting.pipe.send(by_hand())))?;
        Ok(micros_each(spent.busy, TIMES * sample.len()))
    }
}

/// Prints the costs; gives the ratios of the most sessions to the least.
pub(crate) fn grow() -> Outcome<Vec<(&'static str, Figures)>> {
    let top = compare::top()?;
    println!(
        "\nSessions with a message pending: microseconds with many and with {LEAST}, {} rounds",
        compare::rounds()?
    );
    println!(
        "{:<10} {:<14} {:<24} {:<24} cost",
        "many", "", "with many", "with few"
    );
    let mut few = Pending::new(LEAST)?;
    let (mut sessions, mut ratios) = (LEAST, Vec::new());
    while sessions < top {
        sessions *= 10;
        let mut many = Pending::new(sessions)?;
        let mut both = [&mut many, &mut few];
        let add = compare::in_turn(|side| both[side as usize].cost(Wish::Add))?;
        let claim = compare::in_turn(|side| both[side as usize].cost(Wish::Claim))?;
        let by_hand = compare::in_turn(|side| both[side as usize].cost_by_hand())?;
        let idle = compare_pages(&mut both)?;
        let rows = [
            ("add", add),
            ("claim", claim),
            ("by hand", by_hand),
            ("idle page", idle),
        ];
        for (name, pair) in rows {
            row(sessions, name, pair);
        }
        ratios = vec![
            ("scale/add", add.ratio),
            ("scale/claim", claim.ratio),
            ("scale/by-hand", by_hand.ratio),
            ("scale/idle", idle.ratio),
        ];
    }
    Ok(ratios)
}

/// Compares the pages of two sites, each on one of the servers.
fn compare_pages(both: &mut [&mut Pending; 2]) -> Outcome<Pair> {
    let start = |pending: &Pending| Site::start("salver", &pending.setting.server.url());
    let sites = [start(both[0])?, start(both[1])?];
    compare::in_turn(|side| {
        let server = &mut both[side as usize].setting.server;
        let served = load::run(&sites[side as usize], server, Plan::Idle, IDLE)?;
        Ok(1e6 / served.rate)
    })
}

fn row(sessions: usize, name: &str, pair: Pair) {
    println!(
        "{sessions:<10} {name:<14} {:<24} {:<24} {:.2}",
        format!("{:.1}", pair.left),
        format!("{:.1}", pair.right),
        pair.ratio
    );
}
