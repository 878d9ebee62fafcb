//! `POST mark` and `POST seen`, from a form of the page or as JSON.

use std::fmt::Display;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::inbox::web::caller::{Caller, base_path, require_same_origin, see_other};
use crate::inbox::web::change_name::ChangeName;
use crate::inbox::web::page::words::Words;
use crate::inbox::web::refusal::{Destination, refuse};
use crate::inbox::web::selection::Selection;
use crate::inbox::web::settings::Settings;
use crate::web::api::MAX_BYTES;
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::web::request::state::RequestState;
use crate::web::view::page_url::PageUrl;
use crate::{Error, InboxFilter, Level, Message, MessageId, Messages, View};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The body: notifications by their ids, or those that the fields of a [`Selection`] select, up to a
/// position.
#[derive(Deserialize)]
struct MarkRequest {
    change: ChangeName,
    #[serde(default, deserialize_with = "ids")]
    ids: Vec<MessageId>,
    #[serde(default, deserialize_with = "optional_position")]
    upto: Option<u64>,
    /// The query string of the list to which a form returns.
    #[serde(default, rename = "return")]
    return_to: String,
}

/// The ids as a list, or as a text with commas, which is how a form sends them.
fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<MessageId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        Text(String),
        List(Vec<MessageId>),
    }
    match Ids::deserialize(deserializer)? {
        Ids::List(ids) => Ok(ids),
        Ids::Text(text) => {
            let ids = text.split(',').filter(|id| !id.is_empty()).map(str::parse);
            ids.collect::<Result<_, Error>>()
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

fn optional_position<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
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

fn position<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let position = optional_position(deserializer)?;
    position.ok_or_else(|| serde::de::Error::custom("the position is missing"))
}

/// Reads a body by its content type, as an object. The values of a form are texts.
fn parse_body(
    request: &HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> Result<Value, Problem> {
    let body = body.map_err(|error| Problem::unreadable_body(&error, MAX_BYTES))?;
    match media_type(request) {
        Some(media_type) if media_type.eq_ignore_ascii_case(FORM) => {
            let fields = form_urlencoded::parse(&body);
            let fields = fields.map(|(name, value)| (name.into_owned(), value.into()));
            Ok(Value::Object(fields.collect()))
        }
        Some(media_type) if media_type.eq_ignore_ascii_case(JSON) => {
            serde_json::from_slice(&body).map_err(unreadable)
        }
        _ => Err(Problem::unsupported_media_type()),
    }
}

fn unreadable(error: impl Display) -> Problem {
    Error::invalid("body", format!("cannot be read: {error}")).into()
}

fn media_type(request: &HttpRequest) -> Option<&str> {
    let content_type = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    content_type.split(';').next().map(str::trim)
}

/// Marks notifications. A form gets a redirect to the list, JSON the new counts.
pub(super) async fn mark(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    settings: Data<Settings>,
) -> Result<HttpResponse, Problem> {
    require_same_origin(&request)?;
    let is_form = media_type(&request).is_some_and(|name| name.eq_ignore_ascii_case(FORM));
    let base = base_path(&request, "/mark");
    let mut to = Destination {
        settings: &settings,
        base: &base,
        selection: &Selection::default(),
        query: "",
    };
    let caller = match Caller::of(&request) {
        Ok(caller) => caller,
        Err(error) if is_form => return refuse(&request, error, &to),
        Err(error) => return Err(error.into()),
    };
    let body = parse_body(&request, body)?;
    let selection = Selection::deserialize(&body).map_err(unreadable)?;
    let mark = MarkRequest::deserialize(&body).map_err(unreadable)?;
    let filter = filter(&mark, &selection)?;
    let change = caller.inbox.change("mark", &filter, mark.change.into());
    match (change.await, is_form) {
        (Ok(changed), true) => {
            let words = Words::new(caller.state.translator(&request));
            let done = words.done(mark.change, changed);
            flash(&request, &caller.state, &base, Level::Success, done).await;
            Ok(see_other(&mark.location(&base)))
        }
        (Ok(changed), false) => {
            let counts = caller.inbox.counts().await?;
            let (unread, unseen) = (counts.unread, counts.unseen);
            let body = json!({ "changed": changed, "unread": unread, "unseen": unseen });
            Ok(json(StatusCode::OK, body))
        }
        (Err(error), true) => {
            let query = mark.query();
            (to.selection, to.query) = (&selection, &query);
            refuse(&request, error, &to)
        }
        (Err(error), false) => Err(error.into()),
    }
}

impl MarkRequest {
    /// Returns the query string of the list to which a form returns. It is serialised anew, so that
    /// the redirect is a valid header and leads nowhere else.
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let fields = form_urlencoded::parse(self.return_to.as_bytes());
        query.extend_pairs(fields).finish()
    }

    fn location(&self, base: &str) -> String {
        match self.query() {
            query if query.is_empty() => base.to_owned(),
            query => format!("{base}?{query}"),
        }
    }
}

/// Returns what a request marks. Without ids and without a position it must not be everything by
/// mistake.
fn filter(mark: &MarkRequest, selection: &Selection) -> Result<InboxFilter, Error> {
    let filter = selection.filter()?;
    match (mark.ids.is_empty(), mark.upto) {
        (false, _) => Ok(filter.ids(mark.ids.clone())),
        (true, Some(position)) => Ok(filter.up_to(position)),
        (true, None) if selection.is_filtered() => Ok(filter),
        (true, None) => Err(Error::invalid(
            "ids",
            "are missing: set `ids`, `upto` or a filter",
        )),
    }
}

/// Adds a flash message to the page of the list.
pub(super) async fn flash(
    request: &HttpRequest,
    state: &Rc<RequestState>,
    base: &str,
    level: Level,
    text: String,
) {
    let host = request.connection_info().host().to_owned();
    let url = Url::parse(&format!("http://{host}{base}")).ok();
    let url = url.as_ref().and_then(PageUrl::new);
    let view = url.and_then(|url| state.app_state.view_of_page(request, &url));
    let message = Message::new(level, text);
    let messages = Messages::from_request(request, &mut Payload::None).await;
    let added = match messages {
        Ok(messages) => {
            messages
                .to(view.unwrap_or(View::ANY))
                .add_message(message)
                .await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = added {
        tracing::warn!(%error, "message about the inbox not added");
    }
}

#[derive(Deserialize)]
struct SeenRequest {
    #[serde(deserialize_with = "position")]
    position: u64,
}

/// Marks everything up to a position as seen.
pub(super) async fn seen(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    require_same_origin(&request)?;
    let caller = Caller::of(&request)?;
    let seen = parse_body(&request, body)?;
    let seen = SeenRequest::deserialize(&seen).map_err(unreadable)?;
    let marked = caller.inbox.mark_seen_upto(seen.position).await?;
    let body = json!({ "unread": marked.unread, "unseen": marked.unseen });
    Ok(json(StatusCode::OK, body))
}
