//! Result events: what an endpoint or an action answers to an event is an event of its own.

use crate::events::{Attributes, Cause, DeliveredEvent, Event, PreparedEvent, result_source};
use crate::jobs::Outcome;
use crate::webhooks::limits::{MAX_RESULT_DEPTH, MAX_RESULTS};
use crate::webhooks::store::{self, RootKey};
use crate::webhooks::transport::client::{Answer, AnswerBody, MEDIA_TYPE};
use crate::webhooks::validators::{ServedValidators, Validators, Verdict, WorkerValidators};
use crate::{Error, Salver};

/// What a result belongs to.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    /// The id of the endpoint or the action.
    pub(super) endpoint: &'a str,
    /// The id of the delivery.
    pub(super) delivery: &'a str,
    pub(super) event: &'a DeliveredEvent,
    /// Those of the worker.
    pub(super) validators: &'a WorkerValidators,
}

/// Returns the event with which an endpoint answers; `None` for a response without a body. `declared`: the types of its
/// results.
///
/// # Errors
///
/// Why the response is no event of these types, for an operator. It has nothing of the data.
pub(super) fn of_answer(answer: &Answer, declared: &[String]) -> Result<Option<Event>, String> {
    let AnswerBody::Read(body) = &answer.body else {
        return Ok(None);
    };
    let event = if answer.has_media_type(MEDIA_TYPE) {
        Event::from_json(body)
    } else if !answer.attributes.is_empty() {
        binary(answer, body)
    } else if body.is_empty() {
        return Ok(None);
    } else {
        data(answer, body, declared)
    };
    let event = event.map_err(|error| error.to_string())?;
    match declared.iter().any(|name| name == event.event_type()) {
        true => Ok(Some(event)),
        false => Err(format!("the type {} is not declared", event.event_type())),
    }
}

/// Returns the event whose attributes are headers.
fn binary(answer: &Answer, body: &[u8]) -> Result<Event, Error> {
    let mut attributes = Attributes::default();
    for (name, value) in &answer.attributes {
        attributes.insert_header(name, value)?;
    }
    attributes.binary(answer.content_type.clone(), body)
}

/// Returns the event of the only declared type whose data are the body.
fn data(answer: &Answer, body: &[u8], declared: &[String]) -> Result<Event, Error> {
    if !answer.has_media_type("application/json") {
        let problem = "is neither that of an event nor that of JSON";
        return Err(Error::invalid("content-type", problem));
    }
    let [only] = declared else {
        let problem = "is that of JSON, and more than one type is declared";
        return Err(Error::invalid("content-type", problem));
    };
    let data: serde_json::Value = serde_json::from_slice(body)
        .map_err(|cause| Error::invalid("body", "is not JSON").with_source(cause))?;
    Ok(Event::new(only).data(data))
}

/// Publishes a result, once. One that is too deep, one too many of its first event, or refused by a validator is not
/// published, and logged.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(super) async fn publish(salver: &Salver, result: Event, of: Of<'_>) -> Result<Outcome, Error> {
    if of.event.is_report() {
        return Ok(Outcome::Done);
    }
    let (cause, delivery) = (of.event.cause(), of.delivery);
    let app = salver.app();
    if cause.depth > MAX_RESULT_DEPTH || !is_counted(salver, &cause, delivery).await? {
        let (cause, event_type) = (cause.id, result.event_type());
        tracing::warn!(
            app,
            cause,
            event_type,
            "a result was not published: events cause each other without end"
        );
        return Ok(Outcome::Done);
    }
    // Ours, so that no endpoint can use the ids of another publisher, and no publisher those of results.
    let result = result.id(delivery).source(result_source(app, of.endpoint));
    let endpoint = of.endpoint;
    match publish_valid(salver, result.caused_by(cause), of.validators).await {
        // Of an attempt that was repeated; the first result stays.
        Err(error) if error.is_conflict() => {}
        Err(error) if error.is_invalid() => {
            tracing::warn!(app, endpoint, %error, "a result is not a valid event; it is not published");
        }
        Err(error) => return Err(error),
        Ok(Verdict::Accepted) => {}
        Ok(Verdict::Refused(_)) => {
            tracing::warn!(
                app,
                endpoint,
                "a validator has refused a result; it is not published"
            );
        }
        Ok(Verdict::Silent) => {
            let reason = "a validator of the result has not answered";
            return Ok(Outcome::Failed(reason.to_owned()));
        }
    }
    Ok(Outcome::Done)
}

/// Publishes a result if the validators accept it: those of the worker, then those of the routes of this process.
async fn publish_valid(
    salver: &Salver,
    result: Event,
    validators: &WorkerValidators,
) -> Result<Verdict, Error> {
    let served: Validators = salver.extension::<ServedValidators>().get(salver.app());
    let prepared = PreparedEvent::new(salver, &result)?;
    for validators in [validators.get(), served] {
        let verdict = validators.ask(salver, &result, &prepared).await?;
        if verdict != Verdict::Accepted {
            return Ok(verdict);
        }
    }
    prepared.publish(salver).await.map(|_| Verdict::Accepted)
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
