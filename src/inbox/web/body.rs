//! The body of a request: a form of the page, or JSON.

use std::collections::BTreeMap;
use std::fmt::Display;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::web::api::MAX_BYTES;
use crate::web::api::problem::Problem;
use crate::{Error, MessageId};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The ids as a list, or as a text with commas, which is how a form sends them.
pub(super) fn ids<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<MessageId>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        Text(String),
        List(Vec<MessageId>),
    }
    match Option::deserialize(deserializer)? {
        None => Ok(None),
        Some(Ids::List(ids)) => Ok(Some(ids)),
        Some(Ids::Text(text)) => {
            let ids = text.split(',').filter(|id| !id.is_empty()).map(str::parse);
            ids.collect::<Result<_, Error>>()
                .map(Some)
                .map_err(serde::de::Error::custom)
        }
    }
}

/// A position as a number or, in a form, as its digits.
#[derive(Deserialize)]
#[serde(untagged)]
enum Position {
    Number(u64),
    /// A whole number may be written with a fraction of zero.
    Whole(f64),
    Digits(String),
}

pub(super) fn optional_position<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    match Position::deserialize(deserializer)? {
        Position::Number(number) => Ok(Some(number)),
        Position::Whole(number) if number.fract() == 0.0 && number >= 0.0 => {
            Ok(Some(number as u64))
        }
        Position::Whole(_) => Err(serde::de::Error::custom("the position is no whole number")),
        Position::Digits(digits) if digits.is_empty() => Ok(None),
        Position::Digits(digits) => digits.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

pub(super) fn position<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let position = optional_position(deserializer)?;
    position.ok_or_else(|| serde::de::Error::custom("the position is missing"))
}

/// Reads a body by its content type, as an object. The values of a form are texts.
pub(super) fn parse(
    request: &HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> Result<Value, Problem> {
    let body = body.map_err(|error| Problem::unreadable_body(&error, MAX_BYTES))?;
    match media_type(request) {
        Some(media_type) if media_type.eq_ignore_ascii_case(FORM) => {
            let mut fields = BTreeMap::<String, String>::new();
            // The values of several check boxes are one list.
            for (name, value) in form_urlencoded::parse(&body) {
                let field = fields.entry(name.into_owned());
                field
                    .and_modify(|values| *values = format!("{values},{value}"))
                    .or_insert_with(|| value.into_owned());
            }
            Ok(json!(fields))
        }
        Some(media_type) if media_type.eq_ignore_ascii_case(JSON) => {
            serde_json::from_slice(&body).map_err(unreadable)
        }
        _ => Err(Problem::unsupported_media_type()),
    }
}

/// Returns the error for a body without the fields of its route.
pub(super) fn unreadable(error: impl Display) -> Problem {
    Error::invalid("body", format!("cannot be read: {error}")).into()
}

/// Returns whether a request sends a form.
pub(super) fn is_form(request: &HttpRequest) -> bool {
    media_type(request).is_some_and(|name| name.eq_ignore_ascii_case(FORM))
}

fn media_type(request: &HttpRequest) -> Option<&str> {
    let content_type = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    content_type.split(';').next().map(str::trim)
}
