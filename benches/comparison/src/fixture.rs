//! A server, a handle on it, and a pipe to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use salver::Salver;
use tokio::runtime::{Builder, Runtime};

use crate::Outcome;
use crate::handle::{Wish, ask_for_all};
use crate::pipelined::Pipe;
use crate::scripts::Scripts;
use crate::server::{Server, Spent};
use crate::visitors::{self, Person};

pub struct Setting {
    pub server: Server,
    pub pipe: Pipe,
    pub scripts: Scripts,
    pub salver: Salver,
    pub runtime: Runtime,
}

impl Setting {
    /// Starts a server on its defaults.
    ///
    /// # Errors
    ///
    /// A server that is not installed, or does not come up.
    pub fn new() -> Outcome<Self> {
        Self::with(&[])
    }

    /// Starts a server with further options.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with(options: &[&str]) -> Outcome<Self> {
        let server = Server::start(options)?;
        Ok(Self {
            pipe: Pipe::open(&server)?,
            salver: visitors::salver(&server.url())?,
            server,
            scripts: Scripts::default(),
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// Leaves one message for each of the first so many people.
    ///
    /// # Errors
    ///
    /// An add that is refused.
    pub fn fill(&mut self, people: usize) -> Outcome {
        // People of numbers cannot fail, and a million of them at once would take a gigabyte.
        let people = (0..people).filter_map(|number| Person::nth(number).ok());
        self.pipe
            .send(people.map(|person| person.add(&self.scripts)))
    }

    /// Asks for something for all of them; tells how long it took, and what the server spent.
    ///
    /// # Errors
    ///
    /// That of a request.
    pub fn time(&mut self, people: &Arc<[Person]>, wish: Wish) -> Outcome<(Duration, Spent)> {
        self.time_of(|setting| ask_for_all(&setting.runtime, &setting.salver, people, wish))
    }

    /// Does something; tells how long it took, and what the server spent.
    ///
    /// # Errors
    ///
    /// That of what is done.
    pub fn time_of(
        &mut self,
        act: impl FnOnce(&mut Self) -> Outcome,
    ) -> Outcome<(Duration, Spent)> {
        let before = self.server.spent()?;
        let started = Instant::now();
        act(self)?;
        let took = started.elapsed();
        Ok((took, self.server.spent()?.since(&before)))
    }
}

/// Gives microseconds for each of so many.
#[must_use]
pub fn micros_each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}
