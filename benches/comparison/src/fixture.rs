//! A Redis server, a Salver handle on it, and a pipelined connection to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use salver::Salver;
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use crate::handle::{Operation, run_for_all};
use crate::pipelined::PipelinedConnection;
use crate::scripts::Scripts;
use crate::server::{Server, Usage};
use crate::visitors::{self, Visitor};

pub struct Fixture {
    pub server: Server,
    pub connection: PipelinedConnection,
    pub scripts: Scripts,
    pub salver: Salver,
    pub runtime: Runtime,
}

impl Fixture {
    /// Starts a server with its default options.
    ///
    /// # Errors
    ///
    /// redis-server is not installed, or does not start.
    pub fn new() -> Result<Self> {
        Self::with(&[])
    }

    /// Starts a server with further options.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with(options: &[&str]) -> Result<Self> {
        let server = Server::start(options)?;
        Ok(Self {
            connection: PipelinedConnection::open(&server)?,
            salver: visitors::salver(&server.url())?,
            server,
            scripts: Scripts::default(),
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// Adds one message for each of the first `count` visitors.
    ///
    /// # Errors
    ///
    /// The server rejects an add.
    pub fn fill(&mut self, count: usize) -> Result {
        // Creates visitors lazily: a million of them would take a gigabyte. `Visitor::nth` accepts
        // every number, so none is skipped.
        let visitors = (0..count).filter_map(|number| Visitor::nth(number).ok());
        self.connection
            .send(visitors.map(|visitor| visitor.add(&self.scripts)))
    }

    /// Runs an operation for all visitors. Returns the elapsed time and the usage of the server.
    ///
    /// # Errors
    ///
    /// As [`run_for_all`].
    pub fn time_operation(
        &mut self,
        visitors: &Arc<[Visitor]>,
        operation: Operation,
    ) -> Result<(Duration, Usage)> {
        self.time(|fixture| run_for_all(&fixture.runtime, &fixture.salver, visitors, operation))
    }

    /// Runs a closure. Returns the elapsed time and the usage of the server.
    ///
    /// # Errors
    ///
    /// The closure fails, or the server does not reply.
    pub fn time(&mut self, work: impl FnOnce(&mut Self) -> Result) -> Result<(Duration, Usage)> {
        let before = self.server.usage()?;
        let started = Instant::now();
        work(self)?;
        let elapsed = started.elapsed();
        Ok((elapsed, self.server.usage()?.since(&before)))
    }
}

/// Returns the microseconds of one item, of `count` items that together took `time`.
#[must_use]
pub fn micros_each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}
