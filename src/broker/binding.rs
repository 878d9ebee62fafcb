//! CloudEvents in the three modes of the HTTP Protocol Binding 1.0.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;

use crate::Error;
use crate::broker::body::{self, header, media_type, unreadable, unsupported};
use crate::broker::limits::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS};
use crate::events::{ATTRIBUTE_PREFIX, Attributes, Event, MAX_EVENT_BYTES};
use crate::web::api::problem::Problem;

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// Reads the events of a request. `true`: they are a batch, so that errors name the event.
///
/// # Errors
///
/// 400 for what is not JSON, 413 over a limit, 415 for another format, 422 for an event that is invalid.
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Vec<Event>, bool), Problem> {
    let media_type = media_type(request).unwrap_or_default();
    let is_batch = media_type == BATCH;
    let is_cloud_event = is_batch || media_type == STRUCTURED;
    if is_cloud_event && !is_utf8(request) {
        return Err(unsupported("the charset of JSON is UTF-8"));
    }
    if !is_cloud_event {
        // No other format is known, such as Avro.
        if media_type.starts_with("application/cloudevents") || !is_binary(request) {
            let detail = format!(
                "the body is neither {STRUCTURED} nor {BATCH}, and no header is `ce-specversion`"
            );
            return Err(unsupported(&detail));
        }
        let body = body::read(request, payload, MAX_EVENT_BYTES).await?;
        return Ok((vec![binary(request, &body)?], false));
    }
    if !is_batch {
        let body = body::read(request, payload, MAX_EVENT_BYTES).await?;
        let event: Attributes =
            serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
        return Ok((vec![event.structured()?], false));
    }
    let body = body::read(request, payload, MAX_BATCH_BYTES).await?;
    let batch: Vec<Attributes> =
        serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
    if batch.len() > MAX_BATCH_EVENTS {
        let detail = format!("the batch has more than {MAX_BATCH_EVENTS} events");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let events = batch.into_iter().enumerate().map(|(index, event)| {
        let event = event.structured();
        event.map_err(|error| Problem::from(error).with_index(index))
    });
    Ok((events.collect::<Result<_, _>>()?, true))
}

fn is_binary(request: &HttpRequest) -> bool {
    request.headers().contains_key("ce-specversion")
}

fn is_utf8(request: &HttpRequest) -> bool {
    let content_type = header(request, CONTENT_TYPE.as_str()).unwrap_or_default();
    let lower = content_type.to_ascii_lowercase();
    let charset = lower.split("charset=").nth(1);
    charset.is_none_or(|charset| charset.trim_matches('"').starts_with("utf-8"))
}

/// Returns the event whose attributes are headers, and whose data are the body.
fn binary(request: &HttpRequest, body: &[u8]) -> Result<Event, Error> {
    let mut attributes = Attributes::default();
    for (name, value) in request.headers() {
        if let Some(name) = name.as_str().strip_prefix(ATTRIBUTE_PREFIX) {
            attributes.insert_header(name, value.as_bytes())?;
        }
    }
    let content_type = header(request, CONTENT_TYPE.as_str()).map(str::to_owned);
    attributes.binary(content_type, body)
}
