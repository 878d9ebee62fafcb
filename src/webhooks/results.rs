//! Result events: what an endpoint or an action says about an event is an event of its own.

use crate::events::{Cause, DeliveredEvent, EndpointRecord, Event};
use crate::webhooks::client::Answer;
use crate::webhooks::limits::{MAX_RESULT_DEPTH, MAX_RESULTS};
use crate::webhooks::store::{self, RootKey};
use crate::{Error, Salver};

/// Returns the event with which an endpoint answers; `None` if there is none that it may answer with.
pub(super) fn of_answer(answer: &Answer, record: &EndpointRecord) -> Option<Event> {
    if record.results.is_empty() || !matches!(answer.status, 200 | 201) {
        return None;
    }
    let (media_type, body) = (answer.media_type.as_deref()?, answer.body.as_deref()?);
    let event = if media_type.eq_ignore_ascii_case("application/cloudevents+json") {
        Event::from_json(body).ok()?
    } else if media_type.eq_ignore_ascii_case("application/json")
        && let [only] = record.results.as_slice()
    {
        let data: serde_json::Value = serde_json::from_slice(body).ok()?;
        Event::new(only).data(data)
    } else {
        return None;
    };
    let is_declared = record.results.iter().any(|name| name == event.event_type());
    is_declared.then_some(event)
}

/// Publishes the result of a delivery, once. One that is too deep, or one too many of its first event, is not published, and
/// logged.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(super) async fn publish(
    salver: &Salver,
    result: Event,
    delivery: &str,
    of: &DeliveredEvent,
) -> Result<(), Error> {
    if of.is_report() {
        return Ok(());
    }
    let cause = of.cause();
    let app = salver.app();
    if cause.depth > MAX_RESULT_DEPTH || !is_counted(salver, &cause, delivery).await? {
        let (cause, event_type) = (cause.id, result.event_type());
        tracing::warn!(
            app,
            cause,
            event_type,
            "a result was not published: events cause each other without end"
        );
        return Ok(());
    }
    // Ours, so that no endpoint can use the ids of another publisher.
    let result = result.id(delivery).source(format!("/{app}"));
    match salver.publish(result.caused_by(cause)).await {
        // Of an attempt that was repeated; the first result stays.
        Err(error) if error.is_conflict() => Ok(()),
        Err(error) if error.is_invalid() => {
            tracing::warn!(app, %error, delivery, "the result of a delivery is not a valid event");
            Ok(())
        }
        published => published,
    }
}

/// Returns whether there is room for one more result of the first event.
async fn is_counted(salver: &Salver, cause: &Cause, delivery: &str) -> Result<bool, Error> {
    let (store, root) = (store::of(salver)?, cause.root.as_str());
    let key = RootKey {
        app: salver.app(),
        root,
    };
    let count = || store.count_result(key, delivery, MAX_RESULTS);
    salver.write_idempotent("count_result", count).await
}
