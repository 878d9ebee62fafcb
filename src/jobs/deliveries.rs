//! The jobs of an application, for an operator: what waits, what failed and why.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::jobs::health::JobsHealth;
use crate::jobs::id::JobId;
use crate::jobs::queues::places;
#[cfg(all(feature = "webhooks", feature = "web"))]
use crate::jobs::queues::queue_named;
use crate::jobs::record::{Attempt, NO_ATTEMPT_ENDED, StoredJob};
use crate::jobs::store;
use crate::jobs::store_trait::{Cursor, JobState, JobStore, QueueKey};
use crate::store::millis;
use crate::{Error, Salver};

/// Most deliveries of one page of a list. Bounds the time for which a call keeps others waiting.
pub const MAX_LISTED: usize = 100;

/// The deliveries of an application. Created by [`Salver::deliveries`].
#[derive(Clone)]
pub struct Deliveries {
    salver: Salver,
}

/// One delivery: a mail to one recipient, a webhook to one endpoint, or a step towards one.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// The id, by which it is retried and cancelled.
    pub id: String,
    /// How it is delivered: `mail`; `plan` for the step that decides when a digest is sent; `events` for an event that is
    /// fanned out to its subscribers; `webhook`; `action`.
    pub channel: &'static str,
    /// Whether it waits, is attempted or is dead.
    pub state: DeliveryState,
    /// Waiting: from when it is attempted. Leased: when another worker attempts it. Dead: since when. Unix
    /// milliseconds.
    pub time: u64,
    /// The last failed attempts, oldest first; at most ten.
    pub attempts: Vec<Attempt>,
    /// What is delivered, as it is stored.
    pub task: Value,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeliveryState {
    /// It is attempted when its time comes.
    Waiting,
    /// A worker attempts it.
    Leased,
    /// It is not attempted again, unless it is [retried](Deliveries::retry).
    Dead,
}

/// How many deliveries there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeliveryCounts {
    /// Those that a worker could attempt now.
    pub due: u64,
    /// Those that are attempted later, leased ones included.
    pub later: u64,
    /// Those that are not attempted again by themselves.
    pub dead: u64,
    /// How long the oldest due one has waited, in milliseconds.
    pub latency_ms: u64,
}

impl Salver {
    /// Returns the deliveries of this application. Sends nothing.
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.add_health_source::<JobsHealth>();
        Deliveries {
            salver: self.clone(),
        }
    }
}

impl Deliveries {
    /// Lists at most [`MAX_LISTED`](crate::jobs::MAX_LISTED) deliveries in the order of their times. `after`:
    /// the last one of the page before.
    ///
    /// One round trip for each 100 jobs that it reads. In a Cluster the order is that of each partition.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable), [`is_denied`](Error::is_denied),
    /// [`is_unreadable`](Error::is_unreadable), [`is_misconfigured`](Error::is_misconfigured) for a custom
    /// store.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn list(
        &self,
        state: DeliveryState,
        after: Option<&Delivery>,
    ) -> Result<Vec<Delivery>, Error> {
        let store = store::of(&self.salver)?;
        let (mut places, mut cursor) = (self.places(&*store), None);
        if let Some(after) = after {
            let id: JobId = after.id.parse()?;
            let partition = id.partition(store.partitions());
            let is_same =
                |place: &QueueKey<'_>| place.queue == after.channel && place.partition == partition;
            places.drain(..places.iter().position(is_same).unwrap_or(0));
            cursor = Some(Cursor {
                time: after.time,
                id,
            });
        }
        let mut listed = Vec::new();
        for place in places {
            let mut cursor = cursor.take();
            while listed.len() < MAX_LISTED {
                let page = store.list(place, state.into(), cursor, MAX_LISTED);
                let page = self.salver.read("list_jobs", page).await?;
                cursor = Cursor::after(&page);
                if cursor.is_none() {
                    break;
                }
                let deliveries = page
                    .into_iter()
                    .map(|job| Delivery::new(place.queue, state, job));
                listed.extend(deliveries.filter(|delivery| delivery.state == state));
            }
        }
        listed.truncate(MAX_LISTED);
        Ok(listed)
    }

    /// Counts the deliveries. One round trip; in a Cluster 16.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn counts(&self) -> Result<DeliveryCounts, Error> {
        let mut counts = DeliveryCounts::default();
        for part in self.counts_by_channel().await?.into_values() {
            counts.due += part.due;
            counts.later += part.later;
            counts.dead += part.dead;
            counts.latency_ms = counts.latency_ms.max(part.latency_ms);
        }
        Ok(counts)
    }

    /// Counts the deliveries of each channel. Round trips as of [`counts`](Self::counts).
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub(crate) async fn counts_by_channel(
        &self,
    ) -> Result<BTreeMap<&'static str, DeliveryCounts>, Error> {
        let store = store::of(&self.salver)?;
        let mut channels: BTreeMap<&'static str, DeliveryCounts> = BTreeMap::new();
        for place in self.places(&*store) {
            let part = self.salver.read("count_jobs", store.counts(place)).await?;
            let counts = channels.entry(place.queue).or_default();
            counts.due += part.due;
            counts.later += part.later;
            counts.dead += part.dead;
            counts.latency_ms = counts.latency_ms.max(millis(part.latency));
        }
        Ok(channels)
    }

    /// Lists the dead deliveries that died last, the newest first, at most [`MAX_LISTED`](crate::jobs::MAX_LISTED). One
    /// round trip for each channel; in a Cluster 16.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn newest_dead(&self) -> Result<Vec<Delivery>, Error> {
        let store = store::of(&self.salver)?;
        let mut listed = Vec::new();
        for place in self.places(&*store) {
            let newest = store.newest(place, JobState::Dead, MAX_LISTED);
            let newest = self.salver.read("list_jobs", newest).await?;
            let dead = newest.into_iter();
            listed.extend(dead.map(|job| Delivery::new(place.queue, DeliveryState::Dead, job)));
        }
        listed.sort_by(|one, other| (other.time, &other.id).cmp(&(one.time, &one.id)));
        listed.truncate(MAX_LISTED);
        Ok(listed)
    }

    /// Attempts a delivery at once that is dead or waits for its time, a dead one by the whole schedule again. Returns whether
    /// there was one.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an `id` that is not that of a delivery; else as
    /// [`list`](Self::list), and [`is_in_doubt`](Error::is_in_doubt). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the delivery may have become due. Repeating is safe.
    pub async fn retry(&self, id: &str) -> Result<bool, Error> {
        let (store, id) = (store::of(&self.salver)?, id.parse::<JobId>()?);
        let mut is_found = false;
        for place in self.places_of(&*store, id) {
            // Not the number in the reply of the change: where the first reply is lost, that of the repeat counts none.
            let is_leased = store.is_leased(place, id);
            if self.salver.read("find_job", is_leased).await? == Some(false) {
                let replay = || async { store.replay(place, &[id]).await };
                self.salver.write_idempotent("retry_job", replay).await?;
                is_found = true;
            }
        }
        Ok(is_found)
    }

    /// Cancels a delivery. An attempt that has begun is not interrupted. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// As [`retry`](Self::retry).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the delivery may have been cancelled. Repeating is safe.
    pub async fn cancel(&self, id: &str) -> Result<bool, Error> {
        let (store, id) = (store::of(&self.salver)?, id.parse::<JobId>()?);
        let mut is_found = false;
        for place in self.places_of(&*store, id) {
            let is_leased = store.is_leased(place, id);
            if self.salver.read("find_job", is_leased).await?.is_some() {
                let finish = || async { store.finish(place, &[id]).await };
                self.salver.write_idempotent("cancel_job", finish).await?;
                is_found = true;
            }
        }
        Ok(is_found)
    }

    #[cfg(feature = "webhooks")]
    pub(crate) fn salver(&self) -> &Salver {
        &self.salver
    }

    fn places(&self, store: &dyn JobStore) -> Vec<QueueKey<'_>> {
        places(self.salver.app(), store.partitions())
    }

    fn places_of(&self, store: &dyn JobStore, id: JobId) -> Vec<QueueKey<'_>> {
        let partition = id.partition(store.partitions());
        let mut places = self.places(store);
        places.retain(|place| place.partition == partition);
        places
    }
}

impl Delivery {
    /// Returns the place of a delivery in a list; `None` for a channel that does not exist.
    #[cfg(all(feature = "webhooks", feature = "web"))]
    pub(crate) fn place(
        state: DeliveryState,
        channel: &str,
        time: u64,
        id: String,
    ) -> Option<Self> {
        let channel = queue_named(channel)?;
        Some(Self {
            id,
            channel,
            state,
            time,
            attempts: Vec::new(),
            task: Value::Null,
        })
    }

    fn new(channel: &'static str, listed: DeliveryState, job: StoredJob) -> Self {
        let state = match listed {
            DeliveryState::Dead => DeliveryState::Dead,
            _ if job.claims > 0 => DeliveryState::Leased,
            _ => DeliveryState::Waiting,
        };
        let mut attempts = job.record.attempts;
        if state == DeliveryState::Dead && job.claims > 0 {
            attempts.push(Attempt {
                at: job.time,
                error: NO_ATTEMPT_ENDED.to_owned(),
            });
        }
        Self {
            id: job.id.to_string(),
            channel,
            state,
            time: job.time,
            attempts,
            task: job.record.task,
        }
    }
}

impl From<DeliveryState> for JobState {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Waiting | DeliveryState::Leased => Self::Waiting,
            DeliveryState::Dead => Self::Dead,
        }
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries")
            .field("app", &self.salver.app())
            .finish()
    }
}
