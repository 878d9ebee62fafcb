//! A server, a handle on it, and a pipe to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rivals::Outcome;
use rivals::handle::{Wish, ask_for_all};
use rivals::people::{self, Person};
use rivals::pipe::Pipe;
use rivals::scripts::Scripts;
use rivals::server::{Server, Spent};
use salver::Salver;
use tokio::runtime::{Builder, Runtime};

pub(crate) struct Setting {
    pub(crate) server: Server,
    pub(crate) pipe: Pipe,
    pub(crate) scripts: Scripts,
    pub(crate) salver: Salver,
    pub(crate) runtime: Runtime,
}

impl Setting {
    pub(crate) fn new() -> Outcome<Self> {
        Self::with(&[])
    }

    /// Starts a server with further options.
    pub(crate) fn with(options: &[&str]) -> Outcome<Self> {
        let server = Server::start(options)?;
        Ok(Self {
            pipe: Pipe::open(&server)?,
            salver: people::salver(&server.url())?,
            server,
            scripts: Scripts::default(),
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// Leaves one message for each of the first so many people.
    pub(crate) fn fill(&mut self, people: usize) -> Outcome {
        // People of numbers cannot fail, and a million of them at once would take a gigabyte.
        let people = (0..people).filter_map(|number| Person::nth(number).ok());
        self.pipe
            .send(people.map(|person| person.add(&self.scripts)))
    }

    /// Asks for something for all of them; tells how long it took, and what the server spent.
    pub(crate) fn time(
        &mut self,
        people: &Arc<[Person]>,
        wish: Wish,
    ) -> Outcome<(Duration, Spent)> {
        let before = self.server.spent()?;
        let started = Instant::now();
        ask_for_all(&self.runtime, &self.salver, people, wish)?;
        let took = started.elapsed();
        Ok((took, self.server.spent()?.since(&before)))
    }
}

/// Gives microseconds for each of so many.
pub(crate) fn micros_each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}
