//! The deliveries of an event to endpoints: one job for each.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::body;
use crate::events::endpoints::cache::endpoints;
use crate::events::endpoints::record::REPORT_SOURCE;
use crate::events::event::Event;
use crate::events::limits::FAILED_EVENT_TTL;
use crate::jobs::{self, EVENTS_QUEUE, JobId, NewJob, Record, WEBHOOK_QUEUE};
use crate::{Error, Salver};

/// The task of a job that delivers an event to an endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WebhookTask {
    /// The id of the job of the event, by which it is stored.
    pub(crate) event: String,
    pub(crate) endpoint: String,
}

/// Returns the id of a delivery, which is also the id of the webhook.
fn delivery_id(event: JobId, endpoint: &str) -> JobId {
    JobId::derive("delivery", &[&event.to_string(), "webhook", endpoint])
}

/// An event as it is delivered.
#[derive(Clone, Debug)]
pub(crate) struct DeliveredEvent {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) event_type: String,
    /// The structured CloudEvent.
    pub(crate) json: Vec<u8>,
}

impl DeliveredEvent {
    /// Returns whether it is about Salver itself.
    pub(crate) fn is_report(&self) -> bool {
        self.source.starts_with(REPORT_SOURCE)
    }
}

/// Returns the event of a delivery; `None` if it is not stored any more, or was damaged by another program.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn delivered_event(
    salver: &Salver,
    task: &WebhookTask,
) -> Result<Option<DeliveredEvent>, Error> {
    let stored = jobs::event(salver, EVENTS_QUEUE, task.event.parse()?).await?;
    let decoded = stored.and_then(|stored| {
        let (event, json) = (
            body::decode(&stored.body)?,
            body::cloud_event_json(&stored.body)?,
        );
        Some(DeliveredEvent {
            id: event.get_id().to_owned(),
            source: event.get_source().unwrap_or_default().to_owned(),
            event_type: event.event_type().to_owned(),
            json,
        })
    });
    Ok(decoded)
}

/// Keeps the event of a delivery that has failed for as long as it can be attempted again.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(crate) async fn keep_event(salver: &Salver, task: &WebhookTask) -> Result<(), Error> {
    jobs::expire_event(salver, EVENTS_QUEUE, task.event.parse()?, FAILED_EVENT_TTL).await
}

/// The deliveries of an event.
pub(crate) struct EventDeliveries(Vec<NewJob>);

impl EventDeliveries {
    /// Finds the endpoints that get an event. `id`: that of its job. One round trip.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) async fn find(salver: &Salver, event: &Event, id: JobId) -> Result<Self, Error> {
        let endpoints = endpoints(salver).await?;
        let matching = endpoints.by_id.iter();
        let matching = matching.filter(|(_, (record, _))| record.matches(event));
        let jobs = matching.map(|(endpoint, _)| NewJob {
            id: delivery_id(id, endpoint),
            time: 0,
            record: Record::new(json!(WebhookTask {
                event: id.to_string(),
                endpoint: endpoint.clone(),
            })),
        });
        Ok(Self(jobs.collect()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Enqueues them.
    ///
    /// # Errors
    ///
    /// `is_full` for a full queue, and those of the store. Repeating is safe.
    pub(crate) async fn enqueue(self, salver: &Salver) -> Result<(), Error> {
        jobs::enqueue(salver, WEBHOOK_QUEUE, self.0).await
    }
}
