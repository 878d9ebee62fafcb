//! A process that hears what others add, on the core of the sites.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, SystemTime};

use crate::Outcome;
use crate::programs::{Running, SITE_CORE, on_core};
use crate::site::beside_this;

/// Visitors of numbers next to each other, dealt out in turn to those who add, or listen, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    pub first: usize,
    pub people: usize,
    pub lanes: usize,
}

impl Crowd {
    /// Gives the numbers of one lane.
    pub fn lane(self, lane: usize) -> impl Iterator<Item = usize> {
        (self.first + lane..self.first + self.people).step_by(self.lanes)
    }
}

/// Tells the time in nanoseconds by the clock on the wall: of all clocks that Rust has, the only one that means the
/// same in two processes. Nobody sets it during a benchmark.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A process that listens, ended when dropped.
pub struct Listener {
    process: Running,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Listener {
    /// Starts one, which knows nothing yet.
    ///
    /// # Errors
    ///
    /// One that does not come up: it has said why.
    pub fn start(redis: &str) -> Outcome<Self> {
        let mut command = on_core(SITE_CORE, &beside_this("listener")?);
        let mut process = Running::to_order(command.arg(redis))?;
        let child = process.child();
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the listener takes no orders".into());
        };
        Ok(Self {
            process,
            orders,
            answers: BufReader::new(answers).lines(),
        })
    }

    /// Waits until pages of the process know without asking.
    ///
    /// # Errors
    ///
    /// As [`watch`](Self::watch).
    pub fn learn(&mut self) -> Outcome {
        while !self.knows()? {}
        Ok(())
    }

    /// Tells whether pages of the process know without asking.
    ///
    /// # Errors
    ///
    /// As [`watch`](Self::watch).
    pub fn knows(&mut self) -> Outcome<bool> {
        self.order("index")?;
        Ok(self.answer()? == "On")
    }

    /// Has it watch the contexts of people, in each lane one after the other.
    ///
    /// # Errors
    ///
    /// A listener that has ended.
    pub fn watch(&mut self, crowd: Crowd) -> Outcome {
        let Crowd {
            first,
            people,
            lanes,
        } = crowd;
        self.order(&format!("watch {first} {people} {lanes}"))?;
        self.answer()?;
        Ok(())
    }

    /// Tells when the watch of each of them rang, if it did.
    ///
    /// # Errors
    ///
    /// As [`watch`](Self::watch).
    pub fn heard(&mut self, crowd: Crowd) -> Outcome<Vec<Option<u64>>> {
        let mut heard = vec![None; crowd.people];
        for _ in 0..crowd.people {
            let answer = self.answer()?;
            if let Some((number, time)) = answer.split_once(' ') {
                let person: usize = number.parse()?;
                let place = person.checked_sub(crowd.first);
                if let Some(place) = place.and_then(|place| heard.get_mut(place)) {
                    *place = Some(time.parse()?);
                }
            }
        }
        Ok(heard)
    }

    /// Has each of so many people look at the page; tells how many did not see their message.
    ///
    /// # Errors
    ///
    /// As [`watch`](Self::watch).
    pub fn missed(&mut self, first: usize, people: usize) -> Outcome<u64> {
        self.order(&format!("pages {first} {people}"))?;
        Ok(self.answer()?.parse()?)
    }

    /// Tells how long it has been on the processor.
    ///
    /// # Errors
    ///
    /// One that has ended.
    pub fn busy(&self) -> Outcome<Duration> {
        self.process.busy()
    }

    /// Tells how many bytes it takes.
    ///
    /// # Errors
    ///
    /// One that has ended.
    pub fn memory(&self) -> Outcome<f64> {
        self.process.memory()
    }

    fn order(&mut self, order: &str) -> Outcome {
        Ok(writeln!(self.orders, "{order}")?)
    }

    fn answer(&mut self) -> Outcome<String> {
        let answer = self.answers.next().transpose()?;
        answer.ok_or_else(|| "the listener has ended".into())
    }
}
