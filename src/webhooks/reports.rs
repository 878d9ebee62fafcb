//! Events about webhooks themselves. Their source begins with `salver:`, and endpoints get them only if they name the type.

use serde_json::json;

use crate::events::{DeliveredEvent, Event, REPORT_SOURCE};
use crate::{Error, Message, Salver};

/// The type of the event that an endpoint was disabled.
pub const ENDPOINT_DISABLED: &str = "salver.endpoint.disabled";
/// The type of the event that a delivery has failed for good.
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

/// Reports that an endpoint was disabled, once for each delivery that has led to it.
pub(super) async fn disabled(
    salver: &Salver,
    endpoint: &str,
    delivery: &str,
    cause: Disabled,
) -> Result<(), Error> {
    let reason = cause.reason();
    let text = format!("A webhook endpoint was disabled: {reason}.");
    let event = Event::new(ENDPOINT_DISABLED)
        .id(format!("disabled-{delivery}"))
        .subject(format!("endpoints/{endpoint}"))
        .data(json!({ "endpoint": endpoint, "reason": reason }))
        .message(Message::warning(text));
    publish(salver, event).await
}

/// Reports that a delivery is dead. A report that cannot be delivered is not reported.
pub(super) async fn dead(
    salver: &Salver,
    delivery: &str,
    endpoint: &str,
    event: &DeliveredEvent,
) -> Result<(), Error> {
    if event.is_report() {
        return Ok(());
    }
    let report = Event::new(DELIVERY_DEAD)
        .id(format!("dead-{delivery}"))
        .subject(format!("endpoints/{endpoint}"))
        .data(json!({
            "delivery": delivery,
            "endpoint": endpoint,
            "event": { "id": event.event.get_id(), "source": event.event.get_source(), "type": event.event.event_type() },
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
