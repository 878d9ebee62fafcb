//! `GET` of the list: a page for a browser, JSON for a script.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Deserialize;

use crate::inbox::results::InboxRow;
use crate::inbox::web::caller::{Caller, base_path, html, see_other, wants_json};
use crate::inbox::web::page::{self, Listing};
use crate::inbox::web::selection::Selection;
use crate::inbox::web::settings::Settings;
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::web::request::state::RequestState;
use crate::web::translation::Translator;
use crate::{Error, Notification};

/// The part of the list that a request asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Paging {
    /// The cursor of the page before.
    pub(super) after: Option<String>,
    /// The position of the first row of the page after.
    pub(super) before: Option<String>,
    limit: Option<usize>,
    /// Whether notifications of one group are one row.
    grouped: Option<bool>,
}

type QueryOf<T> = Result<Query<T>, actix_web::Error>;

/// Lists notifications. Changes nothing.
pub(super) async fn list(
    request: HttpRequest,
    selection: QueryOf<Selection>,
    paging: QueryOf<Paging>,
    settings: Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let invalid = |_| Error::invalid("query", "has an unknown tab, or a number that is none");
    let selection = selection.map(Query::into_inner).map_err(invalid);
    let paging = paging.map(Query::into_inner).map_err(invalid);
    let query = selection.and_then(|selection| Ok((selection, paging?)));
    match wants_json(&request) {
        true => list_json(&request, query).await,
        false => Ok(list_html(&request, query, &settings).await?),
    }
}

type ListQuery = Result<(Selection, Paging), Error>;

async fn read(caller: &Caller, query: &(Selection, Paging)) -> Result<Listing, Error> {
    let (selection, paging) = query;
    let mut filter = selection.filter()?;
    if let Some(limit) = paging.limit {
        filter = filter.limit(limit);
    }
    if paging.grouped == Some(false) {
        filter = filter.ungrouped();
    }
    let (after, before) = (paging.after.as_deref(), paging.before.as_deref());
    let (page, has_newer) = caller.inbox.list_between(&filter, after, before).await?;
    Ok(Listing { page, has_newer })
}

async fn list_json(request: &HttpRequest, query: ListQuery) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(request)?;
    let mut listing = read(&caller, &query?).await?;
    translate(&mut listing.page.rows, caller.state.translator(request));
    Ok(json(StatusCode::OK, listing.page))
}

/// Translates the notifications of rows into the language of the visitor.
fn translate(rows: &mut [InboxRow], translator: &Translator) {
    let translate = |notification: &mut Notification| {
        notification.message = translator.translate(&notification.message);
    };
    for row in rows {
        translate(&mut row.newest);
        row.older.iter_mut().for_each(translate);
    }
}

async fn list_html(
    request: &HttpRequest,
    query: ListQuery,
    settings: &Settings,
) -> Result<HttpResponse, Error> {
    let state = RequestState::of(request)?;
    let base = base_path(request, "");
    let page = page::PageOf::new(request, &state, settings, &base);
    let caller = match Caller::of(request) {
        Ok(caller) => caller,
        Err(error) if error.is_anonymous() => {
            return Ok(match &settings.login {
                Some(path) => see_other(path),
                None => html(HttpResponse::Unauthorized(), page.anonymous()),
            });
        }
        Err(error) => return Err(error),
    };
    // A link with a wrong query leads to the list.
    let Ok(query) = query else {
        return Ok(see_other(&base));
    };
    match read(&caller, &query).await {
        Ok(mut listing) => {
            translate(&mut listing.page.rows, state.translator(request));
            Ok(html(HttpResponse::Ok(), page.list(&query.0, &listing)))
        }
        Err(error) if error.is_invalid() => Ok(see_other(&base)),
        Err(error) => {
            tracing::warn!(%error, "the inbox cannot be read; its page shows an error");
            let status = actix_web::ResponseError::status_code(&error);
            Ok(html(
                HttpResponseBuilder::new(status),
                page.failed(&query.0),
            ))
        }
    }
}
