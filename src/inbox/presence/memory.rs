//! Presence in the memory of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::inbox::presence::store_trait::{Lease, PresenceStore};
use crate::store::{Clock, MemoryBackend, StoreFuture, millis};
use crate::{Error, Recipient};

/// The people who are online, in the memory of this process.
pub(super) struct MemoryPresence {
    clock: Clock,
    leases: Arc<Leases>,
}

#[derive(Default)]
struct Leases(Mutex<LeasesByApp>);

/// The ends of the leases by application, and by recipient and process.
type LeasesByApp = HashMap<Box<str>, HashMap<(Recipient, Box<str>), u64>>;

impl MemoryPresence {
    pub(super) fn new(backend: MemoryBackend) -> Self {
        Self {
            leases: backend.data.get(),
            clock: backend.clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, LeasesByApp> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.leases.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, app: &str, process: &str, leases: &[Lease]) {
        let now = self.clock.now();
        let mut all = self.lock();
        let online = all.entry(app.into()).or_default();
        for lease in leases {
            let member = (lease.recipient.clone(), process.into());
            online.insert(member, now + millis(lease.duration));
        }
        online.retain(|_, end| *end > now);
        if online.is_empty() {
            all.remove(app);
        }
    }

    fn list(&self, app: &str) -> Vec<Recipient> {
        let now = self.clock.now();
        let all = self.lock();
        let online = all.get(app).into_iter().flatten();
        online
            .filter(|(_, end)| **end > now)
            .map(|((recipient, _), _)| recipient.clone())
            .collect()
    }
}

impl PresenceStore for MemoryPresence {
    fn partitions(&self) -> usize {
        1
    }

    fn partition_of(&self, _recipient: &Recipient) -> usize {
        0
    }

    fn renew<'a>(
        &'a self,
        app: &'a str,
        _partition: usize,
        process: &'a str,
        leases: &'a [Lease],
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.set(app, process, leases);
            Ok::<_, Error>(())
        })
    }

    fn online<'a>(&'a self, app: &'a str, _partition: usize) -> StoreFuture<'a, Vec<Recipient>> {
        Box::pin(async move { Ok(self.list(app)) })
    }
}
