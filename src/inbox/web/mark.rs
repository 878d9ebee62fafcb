//! `POST mark` and `POST seen`, from a form of the page or as JSON.

use std::collections::BTreeMap;
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

use crate::inbox::store::Marked;
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
use crate::{Error, Level, Message, MessageId, Messages, View};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The body: notifications by their ids, or those that the fields of a [`Selection`] select, up to
/// a position.
#[derive(Deserialize)]
struct MarkRequest {
    change: ChangeName,
    /// An empty list selects nothing.
    #[serde(default, deserialize_with = "ids")]
    ids: Option<Vec<MessageId>>,
    #[serde(default, deserialize_with = "optional_position")]
    upto: Option<u64>,
    /// The query string of the list to which a form returns.
    #[serde(default, rename = "return")]
    return_to: String,
}

/// The ids as a list, or as a text with commas, which is how a form sends them.
fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<MessageId>>, D::Error> {
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
    let mut selection = Selection::deserialize(&body).map_err(unreadable)?;
    let mark = MarkRequest::deserialize(&body).map_err(unreadable)?;
    if body.get("tab").is_none() {
        selection.tab = mark.change.default_tab();
    }
    match (mark.apply(&caller, &selection).await, is_form) {
        (Ok(marked), true) => {
            let words = Words::new(caller.state.translator(&request));
            let done = words.done(mark.change, marked.changed);
            flash(&request, &caller.state, &base, Level::Success, done).await;
            Ok(see_other(&mark.location(&base)))
        }
        (Ok(marked), false) => {
            let (changed, unread, unseen) = (marked.changed, marked.unread, marked.unseen);
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
    /// Changes what the request selects. Without ids, a position or a filter it must not be
    /// everything by mistake.
    async fn apply(&self, caller: &Caller, selection: &Selection) -> Result<Marked, Error> {
        let filter = selection.filter()?;
        let filter = match (&self.ids, self.upto) {
            (Some(ids), None) if !selection.is_filtered() => {
                return caller.inbox.change_by_ids(ids, self.change.into()).await;
            }
            (Some(ids), _) => filter.ids(ids.iter().copied()),
            (None, Some(position)) => filter.up_to(position),
            (None, None) if selection.is_filtered() => filter,
            (None, None) => {
                let problem = "are missing: set `ids`, `upto` or a filter";
                return Err(Error::invalid("ids", problem).with_operation("mark"));
            }
        };
        caller
            .inbox
            .change("mark", &filter, self.change.into())
            .await
    }

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
