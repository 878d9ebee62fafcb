//! Publishing events.

use serde_json::json;

use crate::events::event::Event;
use crate::events::formats::body::{self, EncodedEvent};
use crate::events::limits::WAITING_EVENT_TTL;
use crate::jobs::{self, EVENTS_QUEUE, JobId, NewEvent, NewJob, Published, Record};
use crate::{Error, Salver};

impl Salver {
    /// Publishes an event: all who have subscribed to it are notified, each once, by a [worker](crate::jobs::Worker::events).
    /// One round trip; it returns when the event is stored.
    ///
    /// Call it after the commit of what it reports. Publishing an event of the same id, source and content again changes
    /// nothing, also at the same time; it is known until 24 hours after all were notified, for 7 days if
    /// endpoints get it.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid), before any round trip: a filter that the type does not declare, a field that
    ///   [`Event`] describes, data that are nested more than 64 deep, an integer beyond 2^53 - 1, more than 64 KiB.
    /// - [`is_conflict`](Error::is_conflict): an event of this id and source with another type, subject, filter, data,
    ///   exclusion, further type or message is known.
    /// - [`is_full`](Error::is_full): 100,000 events wait for a worker; in a Cluster as many for each of 16 partitions.
    /// - [`is_misconfigured`](Error::is_misconfigured): the store is a custom one.
    /// - [`is_unavailable`](Error::is_unavailable), [`is_in_doubt`](Error::is_in_doubt),
    ///   [`is_denied`](Error::is_denied), as for [`add`](Self::add). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the event may have been published. Repeating is safe.
    pub async fn publish(&self, event: Event) -> Result<(), Error> {
        let published = publish(self, &event).await;
        published
            .map(drop)
            .map_err(|error| error.with_operation("publish"))
    }
}

/// Publishes an event. Returns the id of its job, and whether it was not known.
///
/// # Errors
///
/// As [`Salver::publish`].
pub(super) async fn publish(salver: &Salver, event: &Event) -> Result<(JobId, bool), Error> {
    PreparedEvent::new(salver, event)?.publish(salver).await
}

/// An event that is valid and encoded, and not stored yet.
pub(crate) struct PreparedEvent {
    id: JobId,
    #[cfg(feature = "webhooks")]
    source: String,
    encoded: EncodedEvent,
}

impl PreparedEvent {
    /// Encodes an event. Sends nothing.
    ///
    /// # Errors
    ///
    /// `is_invalid` for an event that is invalid, or over a limit.
    pub(crate) fn new(salver: &Salver, event: &Event) -> Result<Self, Error> {
        event.validate()?;
        let source = source_of(salver, event);
        let encoded = body::encode(event, &source)?;
        Ok(Self {
            id: JobId::derive(EVENTS_QUEUE, &[&source, &event.id]),
            #[cfg(feature = "webhooks")]
            source,
            encoded,
        })
    }

    /// Stores the event. Returns the id of its job, and whether it was not known. One round trip.
    ///
    /// # Errors
    ///
    /// Those of [`Salver::publish`] but `is_invalid`.
    pub(crate) async fn publish(&self, salver: &Salver) -> Result<(JobId, bool), Error> {
        let job = NewJob {
            id: self.id,
            time: 0,
            record: Record::new(json!({})),
        };
        let new = NewEvent {
            digest: &self.encoded.digest,
            body: &self.encoded.body,
        };
        let published = jobs::publish(salver, EVENTS_QUEUE, &job, new, WAITING_EVENT_TTL).await?;
        match published {
            Published::Accepted => Ok((self.id, true)),
            Published::Known => Ok((self.id, false)),
            Published::Conflict => Err(Error::conflict()),
        }
    }

    /// Returns whether an event of this id, source and content was published and is still known. Changes nothing. One
    /// round trip.
    ///
    /// # Errors
    ///
    /// `is_conflict` for an event of the same id and source with other content, and those of the store.
    #[cfg(feature = "webhooks")]
    pub(crate) async fn is_known(&self, salver: &Salver) -> Result<bool, Error> {
        let Some(stored) = jobs::event(salver, EVENTS_QUEUE, self.id).await? else {
            return Ok(false);
        };
        let stored = body::decode(&stored.body);
        let stored = stored.ok_or_else(|| Error::unreadable("a stored event"))?;
        let stored = body::encode(&stored, &self.source)?;
        let is_same = stored.digest == self.encoded.digest;
        is_same.then_some(true).ok_or_else(Error::conflict)
    }
}

/// Returns the source of an event; by default that of its application.
fn source_of(salver: &Salver, event: &Event) -> String {
    let source = event.source.clone();
    source.unwrap_or_else(|| format!("/{}", salver.app()))
}
