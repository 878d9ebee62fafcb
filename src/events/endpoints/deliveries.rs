//! The deliveries of an event to endpoints: one job for each.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::endpoints::actions::{ACTION_ID_PREFIX, Actions};
use crate::events::endpoints::cache::endpoints;
use crate::events::endpoints::record::REPORT_SOURCE;
use crate::events::endpoints::shared_reads::SharedReads;
use crate::events::event::{Cause, Event};
use crate::events::formats::body;
use crate::events::limits::{FAILED_EVENT_TTL, MAX_EVENT_TTL};
use crate::jobs::{self, ACTION_QUEUE, EVENTS_QUEUE, JobId, NewJob, Record, WEBHOOK_QUEUE};
use crate::{Error, Salver};

/// The task of a job that delivers an event to an endpoint, or calls an action with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WebhookTask {
    /// The id of the job of the event, by which it is stored.
    pub(crate) event: String,
    pub(crate) endpoint: String,
}

impl WebhookTask {
    /// Returns which action it calls; `None` for an endpoint.
    #[cfg(feature = "web")]
    pub(crate) fn action(&self) -> Option<&str> {
        self.endpoint.strip_prefix(ACTION_ID_PREFIX)
    }
}

/// Returns the queue of the deliveries to an endpoint, or to an action.
pub(crate) fn queue_of(endpoint: &str) -> &'static str {
    match is_action(endpoint) {
        true => ACTION_QUEUE,
        false => WEBHOOK_QUEUE,
    }
}

fn is_action(endpoint: &str) -> bool {
    endpoint.starts_with(ACTION_ID_PREFIX)
}

/// Returns the beginning of the sources of results, with which no program can publish.
pub(crate) fn result_sources(app: &str) -> String {
    format!("/{app}/salver/")
}

/// Returns the source of the results of an endpoint or an action.
pub(crate) fn result_source(app: &str, endpoint: &str) -> String {
    let sources = result_sources(app);
    match is_action(endpoint) {
        // Their ids may be longer than a source.
        true => format!("{sources}actions"),
        false => format!("{sources}endpoints/{endpoint}"),
    }
}

/// An event that is delivered.
#[derive(Clone, Debug)]
pub(crate) struct DeliveredEvent {
    /// The id of its job.
    job: String,
    pub(crate) event: Event,
    /// The time of the store at which it was accepted, in Unix milliseconds.
    pub(crate) accepted: u64,
    json: OnceLock<Bytes>,
}

/// The reads of events in progress, by application and job.
type EventReads = SharedReads<(Box<str>, String), Option<Arc<DeliveredEvent>>>;

impl DeliveredEvent {
    /// Returns whether it is about Salver itself.
    pub(crate) fn is_report(&self) -> bool {
        let source = self.event.get_source();
        source.is_some_and(|source| source.starts_with(REPORT_SOURCE))
    }

    /// Returns it as a structured CloudEvent.
    ///
    /// # Errors
    ///
    /// As [`Event::to_json`].
    pub(crate) fn json(&self) -> Result<Bytes, Error> {
        if let Some(json) = self.json.get() {
            return Ok(json.clone());
        }
        let json = Bytes::from(self.event.to_json()?);
        Ok(self.json.get_or_init(|| json).clone())
    }

    /// Returns what its result is caused by.
    pub(crate) fn cause(&self) -> Cause {
        let (root, depth) = match &self.event.cause {
            Some(cause) => (cause.root.clone(), cause.depth),
            None => (self.job.clone(), 0),
        };
        Cause {
            id: self.event.get_id().to_owned(),
            root,
            depth: depth + 1,
        }
    }
}

/// Returns the event of a delivery; `None` if it is not stored any more, or was damaged by another program. One round
/// trip, which those share who ask at the same time.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn delivered_event(
    salver: &Salver,
    task: &WebhookTask,
) -> Result<Option<Arc<DeliveredEvent>>, Error> {
    let (reads, job) = (salver.extension::<EventReads>(), task.event.clone());
    let read = || read_event(salver.clone(), job.clone()).boxed();
    reads.join((salver.app().into(), job.clone()), read).await
}

async fn read_event(salver: Salver, job: String) -> Result<Option<Arc<DeliveredEvent>>, Error> {
    let stored = jobs::event(&salver, EVENTS_QUEUE, job.parse()?).await?;
    let decoded = stored.and_then(|stored| Some((stored.accepted, body::decode(&stored.body)?)));
    Ok(decoded.map(|(accepted, event)| {
        Arc::new(DeliveredEvent {
            job,
            event,
            accepted,
            json: OnceLock::new(),
        })
    }))
}

/// Keeps the event of a delivery that has failed for as long as it can be attempted again.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(crate) async fn keep_event(salver: &Salver, task: &WebhookTask) -> Result<(), Error> {
    let (id, ttl) = (task.event.parse()?, FAILED_EVENT_TTL);
    jobs::expire_event(salver, EVENTS_QUEUE, id, ttl, MAX_EVENT_TTL).await
}

/// The deliveries of an event, each with its queue.
pub(crate) struct EventDeliveries(Vec<(&'static str, NewJob)>);

impl EventDeliveries {
    /// Finds the endpoints and the actions that get an event. `id`: that of its job. `actions`: those of this worker, which
    /// need not be registered yet. One round trip.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) async fn find(
        salver: &Salver,
        event: &Event,
        id: JobId,
        actions: &Actions,
    ) -> Result<Self, Error> {
        let endpoints = endpoints(salver).await?;
        let matching = endpoints.by_id.iter();
        let matching = matching.filter(|(_, (record, _))| record.matches(event));
        let mut ids: BTreeSet<_> = matching.map(|(id, _)| id.clone()).collect();
        let is_matched = |event_type: &str| {
            let mut patterns = event.patterns();
            patterns.any(|pattern| pattern.event_type == event_type)
        };
        let own = actions.names().into_iter();
        let own = own.filter(|name| is_matched(&name.event_type));
        let own = own.map(|name| name.id());
        ids.extend(own.filter(|id| !endpoints.by_id.contains_key(id)));
        Ok(Self(ids.into_iter().map(|to| new_job(id, to)).collect()))
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
        for queue in [WEBHOOK_QUEUE, ACTION_QUEUE] {
            let of_queue = self.0.iter().filter(|(name, _)| *name == queue);
            let of_queue: Vec<_> = of_queue.map(|(_, job)| job.clone()).collect();
            if !of_queue.is_empty() {
                jobs::enqueue(salver, queue, of_queue).await?;
            }
        }
        Ok(())
    }
}

/// Returns the job that delivers an event. Its id is also that of the webhook.
fn new_job(event: JobId, endpoint: String) -> (&'static str, NewJob) {
    let event = event.to_string();
    let id = JobId::derive("delivery", &[&event, WEBHOOK_QUEUE, &endpoint]);
    let queue = queue_of(&endpoint);
    let task = WebhookTask { event, endpoint };
    let job = NewJob {
        id,
        time: 0,
        record: Record::new(json!(task)),
    };
    (queue, job)
}
