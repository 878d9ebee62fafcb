//! `POST mark` and `POST seen`, from a form of the page or as JSON.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;

use crate::inbox::store::Marked;
use crate::inbox::web::body;
use crate::inbox::web::caller::{Caller, base_path, list_path, require_same_origin, see_other};
use crate::inbox::web::change_name::ChangeName;
use crate::inbox::web::flash::flash;
use crate::inbox::web::page::words::Words;
use crate::inbox::web::refusal::{Destination, refuse};
use crate::inbox::web::selection::Selection;
use crate::inbox::web::settings::Settings;
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::{Error, Level, MessageId};

/// The body: notifications by their ids, or those that the fields of a [`Selection`] select, up to
/// a position.
#[derive(Deserialize)]
struct MarkRequest {
    change: ChangeName,
    /// An empty list selects nothing.
    #[serde(default, deserialize_with = "body::ids")]
    ids: Option<Vec<MessageId>>,
    #[serde(default, deserialize_with = "body::optional_position")]
    upto: Option<u64>,
    /// The query string of the list to which a form returns.
    #[serde(default, rename = "return")]
    return_to: String,
}

/// Marks notifications. A form gets a redirect to the list, JSON the new counts.
pub(super) async fn mark(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    settings: Data<Settings>,
) -> Result<HttpResponse, Problem> {
    require_same_origin(&request)?;
    let is_form = body::is_form(&request);
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
    let body = body::parse(&request, body)?;
    let mut selection = Selection::deserialize(&body).map_err(body::unreadable)?;
    let mark = MarkRequest::deserialize(&body).map_err(body::unreadable)?;
    if body.get("tab").is_none() {
        selection.tab = mark.change.default_tab();
    }
    let words = Words::new(caller.state.translator(&request));
    match (mark.apply(&caller, &selection).await, is_form) {
        (Ok(marked), true) => {
            let done = words.done(mark.change, marked.changed);
            let list = list_path(&base);
            flash(&request, &caller.state, list, Level::Success, done).await;
            Ok(see_other(&mark.location(list)))
        }
        (Ok(marked), false) => {
            let (changed, unread, unseen) = (marked.changed, marked.unread, marked.unseen);
            let text = words.done(mark.change, changed);
            let body =
                json!({ "changed": changed, "unread": unread, "unseen": unseen, "text": text });
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
        let change = self.change.in_tab(selection.tab);
        let filter = selection.filter()?;
        let filter = match (&self.ids, self.upto) {
            (Some(ids), None) if !selection.is_filtered() => {
                return caller.inbox.change_by_ids(ids, change).await;
            }
            (Some(ids), _) => filter.ids(ids.iter().copied()),
            (None, Some(position)) => filter.up_to(position),
            (None, None) if selection.is_filtered() => filter,
            (None, None) => {
                let problem = "are missing: set `ids`, `upto` or a filter";
                return Err(Error::invalid("ids", problem).with_operation("mark"));
            }
        };
        caller.inbox.change("mark", &filter, change).await
    }

    /// Returns the query string of the list to which a form returns. It is serialised anew, so that
    /// the redirect is a valid header and leads nowhere else.
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let fields = form_urlencoded::parse(self.return_to.as_bytes());
        query.extend_pairs(fields).finish()
    }

    fn location(&self, list: &str) -> String {
        match self.query() {
            query if query.is_empty() => list.to_owned(),
            query => format!("{list}?{query}"),
        }
    }
}

#[derive(Deserialize)]
struct SeenRequest {
    #[serde(deserialize_with = "body::position")]
    position: u64,
}

/// Marks everything up to a position as seen.
pub(super) async fn seen(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    require_same_origin(&request)?;
    let caller = Caller::of(&request)?;
    let seen = body::parse(&request, body)?;
    let seen = SeenRequest::deserialize(&seen).map_err(body::unreadable)?;
    let marked = caller.inbox.mark_seen_upto(seen.position).await?;
    let body = json!({ "unread": marked.unread, "unseen": marked.unseen });
    Ok(json(StatusCode::OK, body))
}
