//! The page's word that messages are shown.

use actix_web::web::{self, Json, JsonConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, error};
use serde::Deserialize;

use super::origin;
use crate::web::visit::Visit;
use crate::{Error, MessageId, View};

/// Most bytes of one word. Stops strangers from having the process read what is none.
const MAX_BYTES: usize = 16 * 1024;
/// Most messages of one word: more than a page shows at once.
const MAX_IDS: usize = 256;

pub(super) fn resource(path: &str) -> Resource {
    let refused = |error, _: &_| {
        error::InternalError::from_response(error, HttpResponse::BadRequest().finish()).into()
    };
    web::resource(path)
        .app_data(
            JsonConfig::default()
                .limit(MAX_BYTES)
                .error_handler(refused),
        )
        .route(web::post().to(confirm))
}

/// Which messages a page shows.
#[derive(Deserialize)]
struct Shown {
    view: String,
    ids: Vec<MessageId>,
}

/// Removes them from the visitor's own session, from this view and from [`View::ANY`].
async fn confirm(request: HttpRequest, shown: Json<Shown>) -> Result<HttpResponse, Error> {
    let visit = Visit::of(&request)?;
    if !origin::is_own(&request) {
        return Ok(HttpResponse::Forbidden().finish());
    }
    let Shown { view, ids } = shown.into_inner();
    if ids.len() > MAX_IDS {
        return Err(Error::invalid("ids", format!("are more than {MAX_IDS}")));
    }
    if let Some(session) = visit.visitor.session(&request) {
        let salver = &visit.site.salver;
        let context = salver.address(session, View::new(view)?);
        salver.confirm_by_ids(&context, ids).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
