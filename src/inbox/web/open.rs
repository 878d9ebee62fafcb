//! `GET {id}`, the link of a row: marks the notification as read and leads to what it is about.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::inbox::web::caller::{Caller, base_path, see_other};
use crate::inbox::web::mark::flash;
use crate::inbox::web::page::words::Words;
use crate::inbox::web::settings::Settings;
use crate::web::api::problem::Problem;
use crate::{InboxFilter, Level, MessageId, Notification, ReadState};

/// Marks a notification as read, and redirects to its object. A notification that is gone, and an
/// object that is gone, lead to the list with a message.
///
/// A prefetch changes nothing: its response is empty, so that a browser requests the link again.
pub(super) async fn open(
    request: HttpRequest,
    id: Path<String>,
    settings: Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let base = base_path(&request, &format!("/{id}"));
    let caller = match (Caller::of(&request), &settings.login) {
        (Err(error), Some(login)) if error.is_anonymous() => return Ok(see_other(login)),
        (caller, _) => caller?,
    };
    if caller.state.headers(&request).is_speculative {
        return Ok(HttpResponse::NoContent()
            .insert_header((CACHE_CONTROL, "no-store, private"))
            .finish());
    }
    let notification = match id.parse() {
        Ok(id) => find(&caller, id).await?,
        Err(_) => None,
    };
    let url = match notification {
        Some(notification) => settings.link_of(notification).await,
        None => None,
    };
    match url.filter(|url| HeaderValue::from_str(url).is_ok()) {
        Some(url) => Ok(see_other(&url)),
        None => {
            let words = Words::new(caller.state.translator(&request));
            flash(&request, &caller.state, &base, Level::Info, words.gone()).await;
            Ok(see_other(&base))
        }
    }
}

/// Returns a notification of the inbox or of its archive, and marks it as read.
async fn find(caller: &Caller, id: MessageId) -> Result<Option<Notification>, Problem> {
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
