//! What deliveries have in common in the memory of this process. Each operation does what the script of the same name does in Redis.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::store::{Clock, MemoryBackend, StoreFuture, millis};
use crate::webhooks::limits::RESULTS_TTL;
use crate::webhooks::store::store_trait::{
    Delivered, DeliveryStore, EndpointKey, Permission, RootKey, Slot,
};

/// The pace of the endpoints and the results of a memory store.
pub(super) struct MemoryDeliveries {
    clock: Clock,
    data: Arc<Shared>,
}

#[derive(Default)]
struct Shared(Mutex<Data>);

/// Each key begins with the application.
#[derive(Default)]
struct Data {
    pace: HashMap<(Box<str>, Box<str>), Pace>,
    results: HashMap<(Box<str>, Box<str>), Results>,
}

/// The deliveries whose results are of one root.
#[derive(Default)]
struct Results {
    /// When they are forgotten.
    expires: u64,
    deliveries: HashSet<String>,
}

#[derive(Default)]
struct Pace {
    /// The first time that is not reserved.
    next: u64,
    /// Since when all deliveries have failed.
    failing: Option<u64>,
    /// The end of each flight.
    in_flight: HashMap<String, u64>,
    slots: HashMap<String, u64>,
}

impl MemoryDeliveries {
    pub(super) fn new(backend: MemoryBackend) -> Self {
        Self {
            data: backend.data.get(),
            clock: backend.clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        // A panic cannot leave the maps half changed, so a poisoned lock is safe to use.
        self.data.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn owned(key: EndpointKey<'_>) -> (Box<str>, Box<str>) {
    (key.app.into(), key.endpoint.into())
}

impl Pace {
    fn take(&mut self, now: u64, slot: Slot<'_>) -> Permission {
        self.in_flight
            .retain(|job, end| *end > now && job != slot.job);
        let max_in_flight = match self.failing {
            Some(_) => 1,
            None => slot.max_in_flight,
        };
        let is_full = self.in_flight.len() >= max_in_flight;
        let reserved = self.slots.get(slot.job).copied();
        let reserved = reserved.filter(|reserved| *reserved > now || !is_full);
        let at = reserved.unwrap_or_else(|| {
            let first = if is_full { millis(slot.min_wait) } else { 0 };
            let at = self.next.max(now);
            self.next = at + millis(slot.interval);
            at.saturating_sub(millis(slot.burst)).max(now + first)
        });
        if at > now {
            self.slots.insert(slot.job.to_owned(), at);
            return Permission::Wait(Duration::from_millis(at - now));
        }
        self.slots.remove(slot.job);
        let end = now + millis(slot.timeout);
        self.in_flight.insert(slot.job.to_owned(), end);
        Permission::Send
    }
}

impl DeliveryStore for MemoryDeliveries {
    fn take_slot<'a>(
        &'a self,
        key: EndpointKey<'a>,
        slot: Slot<'a>,
    ) -> StoreFuture<'a, Permission> {
        Box::pin(async move {
            let now = self.clock.now();
            Ok(self
                .lock()
                .pace
                .entry(owned(key))
                .or_default()
                .take(now, slot))
        })
    }

    fn release_slot<'a>(
        &'a self,
        key: EndpointKey<'a>,
        delivered: Delivered<'a>,
    ) -> StoreFuture<'a, Duration> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut data = self.lock();
            let pace = data.pace.entry(owned(key)).or_default();
            pace.in_flight.remove(delivered.job);
            pace.failing = match delivered.is_success {
                true => None,
                false => Some(pace.failing.unwrap_or(now)),
            };
            let since = pace.failing.unwrap_or(now);
            Ok(Duration::from_millis(now.saturating_sub(since)))
        })
    }

    fn reset_pace<'a>(&'a self, key: EndpointKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if let Some(pace) = self.lock().pace.get_mut(&owned(key)) {
                pace.failing = None;
            }
            Ok(())
        })
    }

    fn count_result<'a>(
        &'a self,
        key: RootKey<'a>,
        delivery: &'a str,
        max: usize,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let now = self.clock.now();
            let results = &mut self.lock().results;
            results.retain(|_, results| results.expires > now);
            let key = (key.app.into(), key.root.into());
            let Results {
                expires,
                deliveries,
            } = results.entry(key).or_default();
            *expires = now + millis(RESULTS_TTL);
            if deliveries.len() >= max && !deliveries.contains(delivery) {
                return Ok(false);
            }
            deliveries.insert(delivery.to_owned());
            Ok(true)
        })
    }
}
