//! A thread of Salver's own, for work that must outlive the runtime that asked for it.
//!
//! An actix worker is a runtime that ends with its worker, and so does every test's. What runs here (the
//! shared connection with its reconnects, the ends of claims) is broken by none of them. One thread per
//! process, started when first needed.

use std::future::Future;
use std::sync::OnceLock;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

use crate::Error;

static RUNTIME: OnceLock<Option<Handle>> = OnceLock::new();

/// Runs a future to its end on Salver's thread; dropping the handle does not stop it.
///
/// # Errors
///
/// `is_unavailable` when the system gives no thread.
pub(crate) fn spawn<F>(work: F) -> Result<JoinHandle<F::Output>, Error>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    RUNTIME
        .get_or_init(start)
        .as_ref()
        .map(|home| home.spawn(work))
        .ok_or_else(|| Error::unavailable("cannot start the background thread"))
}

fn start() -> Option<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("salver".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .ok()?;
    Some(handle)
}
