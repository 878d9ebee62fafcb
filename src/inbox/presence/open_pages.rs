//! The open pages that this process serves, and the leases of their recipients.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use crate::backoff::jitter;
use crate::inbox::presence::store;
use crate::inbox::presence::store_trait::{Lease, MAX_LEASES, PresenceStore};
use crate::inbox::presence::watch::Watches;
use crate::log_limit::LogLimit;
use crate::{Error, Recipient, Salver, runtime};

/// Duration of a lease, which is three renewals.
const LEASE: Duration = Duration::from_secs(30);
const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);
/// Duration of the lease after the last page of a recipient has closed: they may be on their way to the
/// next page.
const CLOSED_LEASE: Duration = Duration::from_secs(5);
/// Delay in which pages that open and close together become one call.
const BATCH_DELAY: Duration = Duration::from_millis(20);
/// Pause between two calls of one batch, so that a renewal of many leases delays no page.
const CALL_PAUSE: Duration = Duration::from_millis(25);
/// Delay of the renewal after a failed call, and the maximum jitter added to it.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The open pages of a handle, by application.
#[derive(Default)]
pub(super) struct OpenPages(Mutex<HashMap<Arc<str>, Arc<AppPages>>>);

impl OpenPages {
    fn of(&self, app: &Arc<str>) -> Arc<AppPages> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(Arc::clone(app)).or_default())
    }
}

/// The open pages of one application.
struct AppPages {
    /// Distinguishes the leases of this process from those of others.
    process: String,
    state: Mutex<State>,
    /// Wakes the task.
    changed: Notify,
}

impl Default for AppPages {
    fn default() -> Self {
        Self {
            process: format!("{:016x}", fastrand::u64(..)),
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }
}

/// A lease to set.
#[derive(Clone, Copy)]
struct Change {
    duration: Duration,
    /// When the page was opened or closed.
    made_at: Instant,
}

impl Change {
    fn new(duration: Duration) -> Self {
        let made_at = Instant::now();
        Self { duration, made_at }
    }
}

#[derive(Default)]
struct State {
    /// The number of open pages of each recipient.
    pages: HashMap<Recipient, usize>,
    /// The leases to set, since the last batch or because their call failed.
    changes: HashMap<Recipient, Change>,
    /// Whether the task runs that sets the leases.
    has_task: bool,
}

/// An open page of a recipient. Dropping it closes the page.
pub(in crate::inbox) struct OpenPage {
    pages: Arc<AppPages>,
    recipient: Recipient,
    /// Duration of the lease when no other page of the recipient is open.
    closed_lease: Duration,
}

impl OpenPage {
    /// Records that a recipient has opened a page.
    ///
    /// # Errors
    ///
    /// `is_misconfigured` for a custom store; `is_unavailable` when the background thread cannot be
    /// started.
    pub(in crate::inbox) fn new(salver: &Salver, recipient: &Recipient) -> Result<Self, Error> {
        let pages = salver.extension::<OpenPages>().of(salver.shared_app());
        let mut state = pages.lock();
        if !state.has_task {
            let salver = salver.detached();
            let store = store::of(&salver)?;
            runtime::spawn(keep_leases(salver, store, Arc::clone(&pages)))?;
            state.has_task = true;
        }
        let open = state.pages.entry(recipient.clone()).or_default();
        *open += 1;
        if *open == 1 {
            let change = Change::new(LEASE);
            state.changes.insert(recipient.clone(), change);
            pages.changed.notify_one();
        }
        drop(state);
        Ok(Self {
            pages,
            recipient: recipient.clone(),
            closed_lease: CLOSED_LEASE,
        })
    }

    /// Makes the lease end with the page: the recipient has logged out.
    pub(in crate::inbox) fn end_with_page(&mut self) {
        self.closed_lease = Duration::ZERO;
    }
}

impl Drop for OpenPage {
    fn drop(&mut self) {
        let mut state = self.pages.lock();
        if let Entry::Occupied(mut open) = state.pages.entry(self.recipient.clone()) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
                let change = Change::new(self.closed_lease);
                state.changes.insert(self.recipient.clone(), change);
                self.pages.changed.notify_one();
            }
        }
    }
}

impl AppPages {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the maps half changed, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the leases to set: all, or those of the changes. `None` ends the task: no page is open,
    /// and all changes are made.
    fn take_changes(&self, is_renewal: bool) -> Option<HashMap<Recipient, Change>> {
        let mut state = self.lock();
        let mut changes = std::mem::take(&mut state.changes);
        if is_renewal {
            let open = state.pages.keys();
            changes.extend(open.map(|open| (open.clone(), Change::new(LEASE))));
        }
        // A lease that was not set for so long has ended by itself.
        changes.retain(|_, change| change.made_at.elapsed() < LEASE);
        if changes.is_empty() && state.pages.is_empty() {
            state.has_task = false;
            return None;
        }
        Some(changes)
    }

    /// Puts back what could not be set, unless it has changed since.
    fn put_back(&self, changes: HashMap<Recipient, Change>) {
        let mut state = self.lock();
        for (recipient, change) in changes {
            state.changes.entry(recipient).or_insert(change);
        }
    }
}

/// Sets the leases of the recipients with open pages until no page is open.
async fn keep_leases(salver: Salver, store: Arc<dyn PresenceStore>, pages: Arc<AppPages>) {
    static DEGRADED: LogLimit = LogLimit::new();

    let mut renew_at = Instant::now() + RENEWAL_INTERVAL;
    loop {
        let _ = timeout_at(renew_at, pages.changed.notified()).await;
        sleep(BATCH_DELAY).await;
        let is_renewal = Instant::now() >= renew_at;
        let Some(changes) = pages.take_changes(is_renewal) else {
            return;
        };
        if is_renewal {
            renew_at = Instant::now() + RENEWAL_INTERVAL;
        }
        match set_leases(&salver, &*store, &pages, changes).await {
            Ok(()) => salver.extension::<Watches>().refresh(salver.app()),
            Err(error) => {
                if !error.is_unavailable() && DEGRADED.allow() {
                    tracing::warn!(%error, "presence cannot be stored; people with open pages count as offline until the store recovers");
                }
                renew_at = Instant::now() + STORE_RETRY_AFTER + jitter(STORE_RETRY_AFTER);
            }
        }
    }
}

/// Sets leases. Those of a call that fails are set with the next batch. Returns the first failure.
async fn set_leases(
    salver: &Salver,
    store: &dyn PresenceStore,
    pages: &AppPages,
    changes: HashMap<Recipient, Change>,
) -> Result<(), Error> {
    let mut partitions = vec![Vec::new(); store.partitions()];
    for (recipient, change) in changes {
        if let Some(partition) = partitions.get_mut(store.partition_of(&recipient)) {
            partition.push((recipient, change));
        }
    }
    let mut first_failure = Ok(());
    for (partition, changes) in partitions.iter().enumerate() {
        for changes in changes.chunks(MAX_LEASES) {
            let leases = changes.iter().map(|(recipient, change)| Lease {
                recipient: recipient.clone(),
                duration: change.duration,
            });
            let leases: Vec<_> = leases.collect();
            let renew = || store.renew(salver.app(), partition, &pages.process, &leases);
            let renewed = salver.write_idempotent("presence", renew).await;
            if renewed.is_err() {
                pages.put_back(changes.iter().cloned().collect());
            }
            first_failure = first_failure.and(renewed);
            if leases.len() == MAX_LEASES {
                sleep(CALL_PAUSE).await;
            }
        }
    }
    first_failure
}
