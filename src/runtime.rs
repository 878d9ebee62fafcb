//! The background runtime: one tokio runtime on its own thread, for work that must outlive its
//! caller's runtime.
//!
//! The runtime of an actix worker ends with the worker, and that of a test with the test. Work that
//! must survive them runs here: the shared connection with its reconnects, and the settlement of
//! claims. There is one thread per process, started when first needed, and a second one for the reports of changed keys.

use std::future::Future;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

use crate::Error;

static SHARED: Background = Background::new("salver-runtime", None);
/// Receives the reports of changed keys. A site under load causes thousands in a second, so the thread rests after each
/// turn, and then receives all that have arrived. The first report after a pause is received at once.
#[cfg(feature = "redis")]
static REPORTS: Background = Background::new("salver-reports", Some(REST));
/// How long a report waits at most while others arrive. Pages of this process know of its own adds without a report, and
/// a visitor with a new message of another process has the hint cookie.
#[cfg(feature = "redis")]
const REST: Duration = Duration::from_micros(500);

/// A runtime on a thread of its own, which starts when it is first needed.
struct Background {
    name: &'static str,
    /// How long the thread rests before it waits for events.
    rest: Option<Duration>,
    handle: OnceLock<Handle>,
    /// Held while the thread starts, so that only one does.
    starting: Mutex<()>,
}

/// Runs a future to completion on the background runtime. Dropping the returned handle does not
/// stop it.
///
/// # Errors
///
/// `is_unavailable` when the thread cannot be started.
pub(crate) fn spawn<F>(work: F) -> Result<JoinHandle<F::Output>, Error>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    SHARED.spawn(work)
}

/// Runs the receiver of the reports of changed keys, as [`spawn`] does, on a thread of its own.
///
/// # Errors
///
/// As [`spawn`].
#[cfg(feature = "redis")]
pub(crate) fn spawn_receiver<F>(work: F) -> Result<JoinHandle<F::Output>, Error>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    REPORTS.spawn(work)
}

/// Returns whether the caller is inside a tokio runtime, which provides the timers.
pub(crate) fn is_inside_tokio() -> bool {
    Handle::try_current().is_ok()
}

/// Runs a call on the background runtime, for callers outside of any tokio runtime.
///
/// # Errors
///
/// Those of the call; `is_in_doubt` if it panics.
#[cfg(feature = "redis")]
pub(crate) async fn run<T: Send + 'static>(
    call: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let task = spawn(call)?.await;
    task.unwrap_or_else(|_| Err(Error::in_doubt("the request was aborted")))
}

impl Background {
    const fn new(name: &'static str, rest: Option<Duration>) -> Self {
        Self {
            name,
            rest,
            handle: OnceLock::new(),
            starting: Mutex::new(()),
        }
    }

    fn spawn<F>(&'static self, work: F) -> Result<JoinHandle<F::Output>, Error>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle()
            .map(|handle| handle.spawn(work))
            .ok_or_else(|| Error::unavailable("cannot start the background thread"))
    }

    /// Returns the runtime, and starts it if it does not run. After a failure the next call tries again.
    fn handle(&'static self) -> Option<&'static Handle> {
        if let Some(handle) = self.handle.get() {
            return Some(handle);
        }
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.handle.get().is_none() {
            let _ = self.handle.set(self.start()?);
        }
        self.handle.get()
    }

    /// Starts the thread; `None` when the runtime or the thread cannot be created.
    fn start(&self) -> Option<Handle> {
        let mut builder = Builder::new_current_thread();
        builder.enable_all();
        if let Some(rest) = self.rest {
            builder.on_thread_park(move || thread::sleep(rest));
        }
        let runtime = builder.build().ok()?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))
            .ok()?;
        Some(handle)
    }
}
