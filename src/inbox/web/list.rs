//! `GET` of the list: a page for a browser, JSON for a script.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};

use crate::inbox::results::InboxRow;
use crate::inbox::web::caller::{Caller, base_path, html, list_path, see_other, wants_json};
use crate::inbox::web::page::{Listing, PageOf};
#[cfg(feature = "mail")]
use crate::inbox::web::preferences;
use crate::inbox::web::refusal::{Destination, refuse};
use crate::inbox::web::selection::{Paging, Selection};
use crate::inbox::web::settings::Settings;
use crate::web::api::caller::json;
use crate::web::api::problem::Problem;
use crate::web::request::state::RequestState;
use crate::web::translation::Translator;
use crate::{Error, Notification};

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
        false => list_html(&request, query, &settings).await,
    }
}

type ListQuery = Result<(Selection, Paging), Error>;

async fn read(caller: &Caller, query: (Selection, Paging)) -> Result<Listing, Error> {
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
    Ok(Listing {
        page,
        has_newer,
        selection,
        paging,
        daily_mail: None,
    })
}

#[cfg_attr(
    not(feature = "mail"),
    expect(unused_variables, reason = "only mails have preferences")
)]
async fn read_page(
    caller: &Caller,
    query: (Selection, Paging),
    settings: &Settings,
) -> Result<Listing, Error> {
    let listing = read(caller, query).await?;
    #[cfg(feature = "mail")]
    let listing = Listing {
        daily_mail: preferences::daily_mail(caller, settings).await,
        ..listing
    };
    Ok(listing)
}

async fn list_json(request: &HttpRequest, query: ListQuery) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(request)?;
    let mut listing = read(&caller, query?).await?;
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
) -> Result<HttpResponse, Problem> {
    let state = RequestState::of(request)?;
    let base = base_path(request, "");
    // A link with a wrong query leads to the list.
    let Ok(query) = query else {
        return Ok(see_other(list_path(&base)));
    };
    let selection = query.0.clone();
    let (first_page, this_page) = (selection.query(&[]), selection.query(&query.1.cursor()));
    let listing = match Caller::of(request) {
        Ok(caller) => read_page(&caller, query, settings).await,
        Err(error) => Err(error),
    };
    match listing {
        // The rows of this page have been marked or removed, or the cursor is an old one.
        Ok(listing) if listing.page.rows.is_empty() && this_page != first_page => {
            let list = list_path(&base);
            Ok(see_other(&format!("{list}?{first_page}")))
        }
        Ok(mut listing) => {
            translate(&mut listing.page.rows, state.translator(request));
            let page = PageOf::new(request, &state, settings, &base);
            Ok(html(HttpResponse::Ok(), page.list(&listing)))
        }
        Err(error) if error.is_invalid() => Ok(see_other(list_path(&base))),
        Err(error) => {
            let to = Destination {
                settings,
                base: &base,
                selection: &selection,
                query: &this_page,
            };
            refuse(request, error, &to)
        }
    }
}
