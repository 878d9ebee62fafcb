//! Events about webhooks themselves. Their source begins with `salver:`, and endpoints get them only if they name the type.

use serde_json::json;

use crate::events::{Event, REPORT_SOURCE, WebhookTask, delivered_event, keep_event};
use crate::jobs::{StoredJob, read_task};
use crate::{Error, Message, Salver};

/// The type of the event that an endpoint was disabled.
pub const ENDPOINT_DISABLED: &str = "salver.endpoint.disabled";
/// The type of the event that a delivery has failed for good. Its data name the delivery, the endpoint and the event, which is
/// `null` if it was not stored any more.
pub const DELIVERY_DEAD: &str = "salver.delivery.dead";

/// Why an endpoint is disabled by a worker.
#[derive(Clone, Copy, Debug)]
pub(super) enum Disabled {
    /// It has answered 410.
    Gone,
    /// All deliveries have failed for too long.
    Failing,
}

impl Disabled {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Gone => "HTTP 410: the endpoint is gone",
            Self::Failing => "all deliveries have failed for 5 days",
        }
    }
}

/// Returns the name of the next death of a delivery, the same until it was replayed.
pub(super) fn death(job: &StoredJob) -> String {
    let last = job.record.attempts.last().map_or(0, |attempt| attempt.at);
    format!("{}-{last}", job.id)
}

/// Reports that an endpoint was disabled, once for each death of a delivery that has led to it.
pub(super) async fn disabled(
    salver: &Salver,
    endpoint: &str,
    death: &str,
    cause: Disabled,
) -> Result<(), Error> {
    let reason = cause.reason();
    let text = format!("A webhook endpoint was disabled: {reason}.");
    let event = Event::new(ENDPOINT_DISABLED)
        .id(format!("disabled-{death}"))
        .subject(format!("endpoints/{endpoint}"))
        .data(json!({ "endpoint": endpoint, "reason": reason }))
        .message(Message::warning(text));
    publish(salver, event).await
}

/// Reports that a delivery is dead, and keeps its event, so that it can be replayed. A report that cannot be delivered is
/// not reported.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(super) async fn dead(salver: &Salver, job: &StoredJob) -> Result<(), Error> {
    // One that cannot be read is listed.
    let Ok(task) = read_task::<WebhookTask>(job) else {
        return Ok(());
    };
    keep_event(salver, &task).await?;
    let event = delivered_event(salver, &task).await?;
    if event.as_ref().is_some_and(|event| event.is_report()) {
        return Ok(());
    }
    // None for an event that was not stored any more.
    let event = event.map(|event| {
        let event = &event.event;
        json!({ "id": event.get_id(), "source": event.get_source(), "type": event.event_type() })
    });
    let (delivery, endpoint) = (job.id.to_string(), &task.endpoint);
    let report = Event::new(DELIVERY_DEAD)
        .id(format!("dead-{}", death(job)))
        .subject(format!("endpoints/{endpoint}"))
        .data(json!({
            "delivery": delivery,
            "endpoint": endpoint,
            "event": event,
        }))
        .message(Message::warning("A webhook could not be delivered."));
    publish(salver, report).await
}

async fn publish(salver: &Salver, event: Event) -> Result<(), Error> {
    let event = event.source(format!("{REPORT_SOURCE}{}", salver.app()));
    match salver.publish(event).await {
        // It was reported by an earlier attempt, which has ended in the middle.
        Err(error) if error.is_conflict() => Ok(()),
        published => published,
    }
}
