//! `GET {id}`, the link of a row: marks the notification as read and leads to what it is about.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::inbox::web::caller::{Caller, base_path, list_path, see_other};
use crate::inbox::web::flash::flash;
use crate::inbox::web::page::words::Words;
use crate::inbox::web::refusal::{Destination, refuse};
use crate::inbox::web::selection::Selection;
use crate::inbox::web::settings::Settings;
use crate::web::api::problem::Problem;
use crate::web::request::state::RequestState;
use crate::{Error, InboxFilter, Level, MessageId, Notification, ReadState};

/// Marks a notification as read, and redirects to its object. A notification that is gone, and an
/// object that is gone, lead to the list with a message.
///
/// A prefetch changes nothing: its response is empty, so that a browser requests the link again. A
/// page of another origin that embeds the link changes nothing either.
pub(super) async fn open(
    request: HttpRequest,
    id: Path<String>,
    settings: Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let state = RequestState::of(&request)?;
    if state.headers(&request).is_speculative || is_embedded_by_other_origin(&request) {
        return Ok(HttpResponse::NoContent()
            .insert_header((CACHE_CONTROL, "no-store, private"))
            .finish());
    }
    let base = base_path(&request, &format!("/{id}"));
    let notification = match find(&request, &id).await {
        Ok(notification) => notification,
        Err(error) => {
            let selection = Selection::default();
            let to = Destination {
                settings: &settings,
                base: &base,
                selection: &selection,
                query: &selection.query(&[]),
            };
            return refuse(&request, error, &to);
        }
    };
    let url = match notification {
        Some(notification) => settings.link_of(notification).await,
        None => None,
    };
    match url.filter(|url| HeaderValue::from_str(url).is_ok()) {
        Some(url) => Ok(see_other(&url)),
        None => {
            let words = Words::new(state.translator(&request));
            let list = list_path(&base);
            flash(&request, &state, list, Level::Info, words.gone()).await;
            Ok(see_other(list))
        }
    }
}

/// Returns a notification of the inbox or of its archive, and marks it as read.
async fn find(request: &HttpRequest, id: &str) -> Result<Option<Notification>, Error> {
    let caller = Caller::of(request)?;
    let Ok(id) = id.parse::<MessageId>() else {
        return Ok(None);
    };
    for filter in [InboxFilter::all(), InboxFilter::archived()] {
        let filter = filter.ids([id]).ungrouped().limit(1);
        let page = caller.inbox.list(&filter, None).await?;
        if let Some(row) = page.rows.into_iter().next() {
            if row.newest.is_unread() {
                caller.inbox.mark(&filter, ReadState::Read).await?;
            }
            return Ok(Some(row.newest));
        }
    }
    Ok(None)
}

/// Returns whether a page of another origin requests the link for an image, a frame or a script. A
/// person who opens a link, in a mail for example, requests a document.
fn is_embedded_by_other_origin(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let is_other = matches!(header("sec-fetch-site"), Some(b"cross-site" | b"same-site"));
    is_other && header("sec-fetch-dest") != Some(b"document")
}
