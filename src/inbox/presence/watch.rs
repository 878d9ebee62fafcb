//! Changes of who is online, for the streams of this process that ask for them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::{Error, Salver, runtime};

/// Interval of the reads, which all streams of a process share. Reports of Redis would not replace them:
/// a lease ends without a report.
const READ_INTERVAL: Duration = Duration::from_secs(2);
/// Least time between two reads, when this process changes who is online.
const MIN_READ_INTERVAL: Duration = Duration::from_millis(250);

/// The changes of who is online, as one stream receives them.
pub(in crate::inbox) type OnlineChanges = watch::Receiver<Option<u64>>;

/// The watched applications of a handle.
#[derive(Default)]
pub(super) struct Watches(Mutex<HashMap<Arc<str>, Arc<Watch>>>);

struct Watch {
    /// A digest of who is online; `None` before the first read.
    digest: watch::Sender<Option<u64>>,
    /// Requests a read before the interval has passed.
    refresh: Notify,
}

impl Watches {
    /// Reads again soon: this process has changed who is online.
    pub(super) fn refresh(&self, app: &str) {
        if let Some(watch) = self.lock().get(app) {
            watch.refresh.notify_one();
        }
    }

    /// Ends the watch of an application without receivers. Returns whether it has ended.
    fn end_if_unused(&self, app: &str) -> bool {
        let mut watches = self.lock();
        let is_unused = watches
            .get(app)
            .is_none_or(|watch| watch.digest.receiver_count() == 0);
        if is_unused {
            watches.remove(app);
        }
        is_unused
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Watch>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches who is online. The first value counts as a change.
///
/// # Errors
///
/// `is_unavailable` when the background thread cannot be started.
pub(in crate::inbox) fn watch(salver: &Salver) -> Result<OnlineChanges, Error> {
    let all = salver.extension::<Watches>();
    let mut watches = all.lock();
    let watch = match watches.get(salver.app()) {
        Some(watch) => Arc::clone(watch),
        None => {
            let watch = Arc::new(Watch {
                digest: watch::Sender::new(None),
                refresh: Notify::new(),
            });
            runtime::spawn(read_while_used(salver.detached(), Arc::clone(&watch)))?;
            watches.insert(Arc::clone(salver.shared_app()), Arc::clone(&watch));
            watch
        }
    };
    let mut changes = watch.digest.subscribe();
    if changes.borrow().is_some() {
        changes.mark_changed();
    }
    Ok(changes)
}

async fn read_while_used(salver: Salver, watch: Arc<Watch>) {
    while !salver.extension::<Watches>().end_if_unused(salver.app()) {
        // A failed read is repeated after the interval. Open pages keep what they show.
        if let Ok(online) = salver.online().await {
            let mut hasher = DefaultHasher::new();
            online.hash(&mut hasher);
            let digest = Some(hasher.finish());
            watch
                .digest
                .send_if_modified(|known| std::mem::replace(known, digest) != digest);
        }
        sleep(MIN_READ_INTERVAL).await;
        let _ = timeout(READ_INTERVAL - MIN_READ_INTERVAL, watch.refresh.notified()).await;
    }
}
