//! A worker that runs on a thread of its own.

use std::sync::Arc;
use std::thread;

use futures_util::future::{join, join_all};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

use crate::Error;
use crate::jobs::worker::queue_runner::QueueRunner;
use crate::jobs::worker::readiness::wait_until_ready;
use crate::jobs::worker::reporter::Reporter;

/// A worker that runs. Dropping it stops the worker without waiting for attempts that have begun.
#[derive(Debug)]
pub struct RunningWorker {
    stopping: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
    has_ended: bool,
}

impl RunningWorker {
    pub(super) fn start(runners: Vec<QueueRunner>, reporter: Reporter) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unavailable().with_source(error))?;
        let (stopping, receiver) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let (salver, store) = (reporter.salver.clone(), Arc::clone(&reporter.store));
        let work = async move {
            wait_until_ready(&salver, &*store, receiver.clone()).await;
            // Before the first job of any queue: an event that is fanned out finds the functions of this worker.
            join_all(runners.iter().map(QueueRunner::begin)).await;
            let running = runners
                .into_iter()
                .map(|runner| runner.run(receiver.clone()));
            join(join_all(running), reporter.run(receiver.clone())).await;
        };
        let thread = thread::Builder::new().name("salver-worker".to_owned());
        let spawned = thread.spawn(move || {
            // As a task: the connection is polled before it after a handler that has blocked the thread. A call whose reply has
            // arrived meanwhile receives it, although its time is over.
            let _ = runtime.block_on(runtime.spawn(work));
            let _ = end.send(());
        });
        spawned.map_err(|error| unavailable().with_source(error))?;
        Ok(Self {
            stopping,
            ended,
            has_ended: false,
        })
    }

    /// Stops the worker: it claims no more jobs, and this waits for the attempts that have begun, at most
    /// the [timeout](super::Worker::attempt_timeout) of an attempt and the time to record its outcome.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the worker stops without being waited for.
    pub async fn stop(mut self) {
        let _ = self.stopping.send(true);
        self.ended().await;
    }

    /// Waits until the worker has ended by itself: its thread has panicked. Its jobs are left to other workers, so that the
    /// process had better end and be started again.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn ended(&mut self) {
        if !self.has_ended {
            // An error says that the thread has panicked.
            let _ = (&mut self.ended).await;
            self.has_ended = true;
        }
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        let _ = self.stopping.send(true);
    }
}

fn unavailable() -> Error {
    Error::unavailable("cannot start the thread of the worker")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn worker_whose_thread_has_panicked_has_ended() {
        let (stopping, _) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let mut running = RunningWorker {
            stopping,
            ended,
            has_ended: false,
        };
        assert_eq!(running.ended().now_or_never(), None);
        drop(end);
        assert_eq!(running.ended().now_or_never(), Some(()));
        assert_eq!(running.stop().now_or_never(), Some(()));
    }
}
