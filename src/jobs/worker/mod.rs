//! Workers, which perform the jobs of an application.

mod attempt;
mod claims;
mod queue;
mod queue_runner;
mod queue_states;
mod readiness;
mod recorder;
mod reporter;
mod running;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::queue_runner::QueueRunner;
use self::reporter::Reporter;
pub use self::running::RunningWorker;
use self::settings::Settings;
use crate::extensions::Extensions;
use crate::jobs::handler::Handler;
use crate::jobs::health::JobsHealth;
use crate::jobs::heartbeat::Resting;
use crate::jobs::store;
use crate::{Error, Salver};

/// A worker that performs the jobs of an application, such as mails. Created by [`Salver::worker`].
///
/// Any number of workers, in any processes, share the jobs. A job is performed at least once: if a
/// worker is killed, another one performs its jobs when their leases end. A job that fails is attempted
/// again after 5 s, 30 s, 2 min, 10 min, 1 h, 6 h, 24 h and 48 h, each with up to 20 % more at random;
/// then it is dead, until [`Deliveries::retry`](crate::jobs::Deliveries::retry).
pub struct Worker {
    salver: Salver,
    settings: Settings,
    handlers: Vec<Arc<dyn Handler>>,
    extensions: Extensions,
}

impl Salver {
    /// Returns a worker for the jobs of this application. It does nothing before
    /// [`start`](Worker::start).
    #[must_use]
    pub fn worker(&self) -> Worker {
        self.add_health_source::<JobsHealth>();
        Worker {
            salver: self.for_worker(),
            settings: Settings::default(),
            handlers: Vec::new(),
            extensions: Extensions::default(),
        }
    }
}

impl Worker {
    /// Sets how many jobs of each kind are performed at the same time. 1 to 1,000. Default: 16.
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.settings.concurrency = jobs;
        self
    }

    /// Sets how long a job is reserved for a worker that may have been killed. 1 second to 1 hour, and
    /// longer than [`attempt_timeout`](Self::attempt_timeout). Default: 150 seconds.
    #[must_use]
    pub fn lease(mut self, time: Duration) -> Self {
        self.settings.lease = time;
        self
    }

    /// Sets how long one attempt lasts at most. After it the attempt has failed. 10 ms to 1 hour. Default:
    /// 120 seconds.
    #[must_use]
    pub fn attempt_timeout(mut self, time: Duration) -> Self {
        self.settings.attempt_timeout = time;
        self
    }

    /// Sets the interval at which an idle worker asks for jobs. New jobs of the same process, or of any
    /// process with a Redis server, wake it at once. 100 ms to 1 minute. Default: 1 second.
    #[must_use]
    pub fn poll_interval(mut self, time: Duration) -> Self {
        self.settings.poll_interval = time;
        self
    }

    /// Starts the worker on a thread of its own.
    ///
    /// It does not wait for the store: a worker starts while Redis is down, and begins when Redis is up.
    ///
    /// # Errors
    ///
    /// [`is_misconfigured`](Error::is_misconfigured): the lease is not longer than the timeout of an
    /// attempt, the worker has nothing to do, or the store is a custom one.
    /// [`is_invalid`](Error::is_invalid) for a setting that is out of its range.
    /// [`is_unavailable`](Error::is_unavailable) when the thread cannot be started.
    pub fn start(self) -> Result<RunningWorker, Error> {
        let (resting, store) = (Arc::default(), store::of(&self.salver)?);
        let runners = self.runners(&resting)?;
        let reporter = Reporter {
            store,
            handlers: self.handlers,
            salver: self.salver,
            resting,
        };
        RunningWorker::start(runners, reporter)
    }

    /// Performs all jobs that are due, and those that become due meanwhile, in the caller's task. Returns
    /// how many attempts it made. For tests.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and those of the store.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, attempts end in the middle. Their jobs are attempted again when the leases
    /// end.
    pub async fn drain(&self) -> Result<u64, Error> {
        let (mut runners, mut attempts) = (self.runners(&Arc::default())?, 0);
        loop {
            let before = attempts;
            for runner in &mut runners {
                attempts += runner.drain().await?;
            }
            if attempts == before {
                return Ok(attempts);
            }
        }
    }

    /// Adds a kind of job.
    pub(crate) fn handler(mut self, handler: Arc<dyn Handler>) -> Self {
        self.handlers.push(handler);
        self
    }

    pub(crate) fn salver(&self) -> &Salver {
        &self.salver
    }

    /// Returns what the modules above keep in a worker.
    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    fn runners(&self, resting: &Arc<Resting>) -> Result<Vec<QueueRunner>, Error> {
        self.settings.validate()?;
        if self.handlers.is_empty() {
            return Err(Error::misconfigured(
                "the worker has nothing to do: it has no mailer",
            ));
        }
        for handler in &self.handlers {
            handler.validate()?;
        }
        let store = store::of(&self.salver)?;
        let runner = |handler: &Arc<dyn Handler>| {
            let (store, handler) = (Arc::clone(&store), Arc::clone(handler));
            let attempt_timeout = handler.attempt_timeout(self.settings.attempt_timeout);
            let settings = self.settings.with_attempt_timeout(attempt_timeout);
            settings.validate_apart_from_lease()?;
            let (salver, resting) = (self.salver.clone(), Arc::clone(resting));
            Ok(QueueRunner::new(salver, store, handler, settings, resting))
        };
        self.handlers.iter().map(runner).collect()
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queues = self.handlers.iter().map(|handler| handler.queue());
        f.debug_struct("Worker")
            .field("app", &self.salver.app())
            .field("settings", &self.settings)
            .field("queues", &queues.collect::<Vec<_>>())
            .finish()
    }
}
