//! CloudEvents in the three modes of the HTTP Protocol Binding 1.0.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::Payload;
use percent_encoding::percent_decode_str;

use crate::Error;
use crate::broker::body::{self, header, media_type, unreadable, unsupported};
use crate::broker::limits::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS};
use crate::events::{Attributes, Event, MAX_EVENT_BYTES};
use crate::web::api::problem::Problem;

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
/// The prefix of attributes in headers.
const PREFIX: &str = "ce-";

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
        if let Some(name) = name.as_str().strip_prefix(PREFIX) {
            attributes.insert(name.to_owned(), decode(value)?.into());
        }
    }
    let content_type = header(request, CONTENT_TYPE.as_str()).map(str::to_owned);
    attributes.binary(content_type, body)
}

/// Decodes the value of a header: first quotes (RFC 7230), then percent-encoding.
fn decode(value: &HeaderValue) -> Result<String, Error> {
    let invalid = || Error::invalid("attribute", "is a header that is not percent-encoded UTF-8");
    let text = value.to_str().map_err(|_| invalid())?.trim();
    let text = unquoted(text);
    let decoded = percent_decode_str(&text).decode_utf8();
    Ok(decoded.map_err(|_| invalid())?.into_owned())
}

/// Removes the quotes of a value that is quoted, and the backslashes in it.
fn unquoted(text: &str) -> String {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let Some(inner) = inner else {
        return text.to_owned();
    };
    let mut is_escaped = false;
    let is_kept = |c: &char| {
        is_escaped = *c == '\\' && !is_escaped;
        !is_escaped
    };
    inner.chars().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_unquoted_then_percent_decoded() {
        for (header, expected) in [
            ("a", Some("a")),
            ("Euro%20%E2%82%AC", Some("Euro €")),
            (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
            ("%22a%22", Some("\"a\"")),
            ("%2541", Some("%41")),
            ("100%", Some("100%")),
            ("%ff", None),
        ] {
            let value = HeaderValue::from_static(header);
            assert_eq!(decode(&value).ok().as_deref(), expected, "{header}");
        }
    }
}
