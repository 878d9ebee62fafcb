//! The background runtime: one tokio runtime on its own thread, for work that must outlive its
//! caller's runtime.
//!
//! The runtime of an actix worker ends with the worker, and that of a test with the test. Work that
//! must survive them runs here: the shared connection with its reconnects, and the settlement of
//! claims. There is one thread per process, started when first needed.

use std::future::Future;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

use crate::Error;

static RUNTIME: OnceLock<Handle> = OnceLock::new();
/// Held while the thread starts, so that only one does.
static STARTING: Mutex<()> = Mutex::new(());

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
    handle()
        .map(|handle| handle.spawn(work))
        .ok_or_else(|| Error::unavailable("cannot start the background thread"))
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

/// Returns the runtime, and starts it if it does not run. After a failure the next call tries again.
fn handle() -> Option<&'static Handle> {
    if let Some(handle) = RUNTIME.get() {
        return Some(handle);
    }
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if RUNTIME.get().is_none() {
        let _ = RUNTIME.set(start()?);
    }
    RUNTIME.get()
}

/// Starts the thread; `None` when the runtime or the thread cannot be created.
fn start() -> Option<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("salver-runtime".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .ok()?;
    Some(handle)
}
