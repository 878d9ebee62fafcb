//! Flash messages about the inbox, which the page of the list shows.

use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use url::Url;

use crate::web::request::state::RequestState;
use crate::web::view::page_url::PageUrl;
use crate::{Level, Message, Messages, View};

/// Adds a flash message to the page at a path.
pub(super) async fn flash(
    request: &HttpRequest,
    state: &Rc<RequestState>,
    path: &str,
    level: Level,
    text: String,
) {
    let host = request.connection_info().host().to_owned();
    let url = Url::parse(&format!("http://{host}{path}")).ok();
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
