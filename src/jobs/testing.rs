//! Jobs of a queue for tests, whose handler is a closure.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::jobs::enqueue::enqueue;
use crate::jobs::handler::{Handler, Outcome};
use crate::jobs::id::JobId;
use crate::jobs::record::{Record, StoredJob};
use crate::jobs::store_trait::NewJob;
use crate::jobs::worker::Worker;
use crate::{Error, Salver};

/// The queue of tests.
pub(super) const TEST_QUEUE: &str = "test";

/// How an attempt of a test ends.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TestOutcome {
    Done,
    Failed,
    Dead,
    Unavailable,
}

/// Attempts a task.
type Attempt = dyn Fn(Value) -> BoxFuture<'static, TestOutcome> + Send + Sync;

struct TestHandler(Box<Attempt>);

impl Handler for TestHandler {
    fn queue(&self) -> &'static str {
        TEST_QUEUE
    }

    fn attempt<'a>(&'a self, job: &'a StoredJob, _now: u64) -> BoxFuture<'a, Outcome> {
        let attempt = self.0(job.record.task.clone());
        Box::pin(async {
            match attempt.await {
                TestOutcome::Done => Outcome::Done,
                TestOutcome::Failed => Outcome::Failed("failed".to_owned()),
                TestOutcome::Dead => Outcome::Dead("dead".to_owned()),
                TestOutcome::Unavailable => Outcome::Unavailable("unavailable".to_owned()),
            }
        })
    }
}

impl Salver {
    /// Adds jobs for tests, whose tasks are their names. `time`: from when they are due, in Unix
    /// milliseconds; 0 for now.
    #[doc(hidden)]
    pub async fn enqueue_test_jobs(
        &self,
        names: impl IntoIterator<Item = String>,
        time: u64,
    ) -> Result<(), Error> {
        let jobs = names.into_iter().map(|name| NewJob {
            id: JobId::derive(TEST_QUEUE, &[&name]),
            time,
            record: Record::new(name.into()),
        });
        enqueue(self, TEST_QUEUE, jobs.collect()).await
    }
}

impl Worker {
    /// Performs the jobs of tests.
    #[doc(hidden)]
    #[must_use]
    pub fn test_jobs(
        self,
        attempt: impl Fn(Value) -> BoxFuture<'static, TestOutcome> + Send + Sync + 'static,
    ) -> Self {
        self.handler(Arc::new(TestHandler(Box::new(attempt))))
    }
}
