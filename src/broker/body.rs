//! The body of a request, read after its token was checked.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::web::{Bytes, Payload};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Number;

use crate::web::api::problem::Problem;

/// Longest JSON body of the routes without events in bytes: 500 recipients and a message of 8 KiB. Stops a request from
/// filling the memory of the process.
const MAX_JSON_BYTES: usize = 192 * 1024;

/// Greatest number that is exact with a fraction: 2^53.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Reads a body.
///
/// # Errors
///
/// 413 for one over the limit, 415 for one that is compressed.
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    if header(request, CONTENT_ENCODING.as_str()).is_some_and(|name| name != "identity") {
        return Err(unsupported("the body is compressed"));
    }
    let too_large = |_| {
        let detail = format!("the body is over {limit} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let body = payload.to_bytes_limited(limit).await.map_err(too_large)?;
    body.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body cannot be read"))
}

/// Reads a JSON body.
///
/// # Errors
///
/// As [`read`]; 400 for what is not JSON, or JSON of another form.
pub(super) async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, Problem> {
    if media_type(request).as_deref() != Some("application/json") {
        return Err(unsupported("the body is not application/json"));
    }
    let body = read(request, payload, MAX_JSON_BYTES).await?;
    serde_json::from_slice(&body).map_err(|error| unreadable(&error))
}

/// Reads a whole number, which JSON may write with a fraction of zero.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let fraction = number.as_f64().filter(|number| number.fract() == 0.0);
    let whole = fraction.filter(|number| (0.0..MAX_WHOLE).contains(number));
    let whole = number
        .as_u64()
        .or_else(|| whole.map(|number| number as u64));
    whole.ok_or_else(|| D::Error::custom("a number is not whole, or is below 0"))
}

pub(super) fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        format!("the body is not read: {error}"),
    )
}

pub(super) fn unsupported(detail: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Returns the media type of the body in lower case, without its parameters.
pub(super) fn media_type(request: &HttpRequest) -> Option<String> {
    let media_type = header(request, CONTENT_TYPE.as_str())?.split(';').next()?;
    Some(media_type.trim().to_ascii_lowercase())
}
