//! What deliveries have in common in the memory of this process. Each operation does what the script of the same name does in Redis.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::store::{Clock, MemoryBackend, StoreFuture, millis};
use crate::webhooks::limits::{REQUEST_TIMEOUT, RESULTS_TTL};
use crate::webhooks::store::store_trait::{
    Delivered, DeliveryStore, EndpointKey, Permission, RootKey, Sent, Slot,
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
    /// How long a delivery that succeeds takes in ms, mostly that of the last ones.
    service: u64,
    /// When each delivery in flight times out.
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
        let is_failing = self.failing.is_some();
        let max_in_flight = if is_failing { 1 } else { slot.max_in_flight };
        let is_full = self.in_flight.len() >= max_in_flight;
        let reserved = self.slots.remove(slot.job);
        let reserved = reserved.filter(|reserved| *reserved > now || !is_full);
        let at = match reserved {
            Some(at) => at,
            None => match self.next_slot(now, &slot, is_full) {
                Ok(at) => at,
                Err(wait) => return Permission::Wait(wait),
            },
        };
        if at > now {
            self.slots.insert(slot.job.to_owned(), at);
            return Permission::Wait(Duration::from_millis(at - now));
        }
        let end = now + millis(slot.timeout);
        self.in_flight.insert(slot.job.to_owned(), end);
        Permission::Send
    }

    /// Reserves the next slot. An error says how long to wait if it is too far ahead.
    fn next_slot(&mut self, now: u64, slot: &Slot<'_>, is_full: bool) -> Result<u64, Duration> {
        let interval = match self.failing {
            Some(_) => millis(slot.failing_interval),
            // What the endpoint can process: so many at the same time, each for so long.
            None => millis(slot.interval).max(self.service / slot.max_in_flight as u64),
        };
        // No slot is reserved so far ahead: the clock was set back.
        let latest = now + 2 * millis(slot.max_ahead) + interval;
        let free = match self.next > latest {
            true => now,
            false => self.next.max(now),
        };
        let first = if is_full {
            millis(slot.min_wait).max(interval)
        } else {
            0
        };
        let burst = u64::from(slot.burst) * interval;
        let at = free.saturating_sub(burst).max(now + first);
        if at > now + millis(slot.max_ahead) {
            return Err(slot.max_ahead.mul_f64(0.5 + slot.jitter / 2.0));
        }
        self.next = free + interval;
        Ok(at)
    }

    /// Returns for how long all deliveries have failed.
    fn release(&mut self, now: u64, delivered: Delivered<'_>) -> Duration {
        let end = self.in_flight.remove(delivered.job);
        if delivered.sent == Sent::Success && self.failing.is_some() {
            // Slots were far apart while all deliveries failed.
            self.next = 0;
        }
        self.failing = match delivered.sent {
            Sent::Success => None,
            Sent::Failure => Some(self.failing.unwrap_or(now)),
            Sent::Nothing => return Duration::ZERO,
        };
        if let Some(end) = end.filter(|_| delivered.sent == Sent::Success) {
            let took = (now + millis(delivered.timeout)).saturating_sub(end);
            // A longer one says that the clock was set.
            if took < millis(REQUEST_TIMEOUT) {
                self.service = (self.service + 3 * took) / 4;
            }
        }
        Duration::from_millis(now.saturating_sub(self.failing.unwrap_or(now)))
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
            Ok(pace.release(now, delivered))
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
