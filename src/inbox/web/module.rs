//! What the inbox adds to the pages and streams of a site.

#[cfg(feature = "live")]
use std::rc::Rc;

use actix_web::HttpRequest;
use futures_util::future::{FutureExt, LocalBoxFuture};

use crate::inbox::web::bell;
#[cfg(feature = "live")]
use crate::inbox::web::events::InboxSource;
use crate::inbox::web::page::words::Words;
#[cfg(feature = "live")]
use crate::web::live::source::StreamSource;
use crate::web::recipient_module::RecipientModule;
use crate::web::request::state::RequestState;
use crate::{Error, Recipient};

pub(super) struct InboxModule;

impl RecipientModule for InboxModule {
    fn has_empty_bell(&self, state: &RequestState, recipient: &Recipient) -> bool {
        bell::known_unread(&state.app_state.salver, recipient) == Some(0)
    }

    fn bell<'a>(
        &'a self,
        state: &'a RequestState,
        request: &'a HttpRequest,
        recipient: &'a Recipient,
    ) -> LocalBoxFuture<'a, Result<Option<String>, Error>> {
        async move {
            let unread = bell::unread(&state.app_state.salver, recipient).await?;
            if unread == 0 {
                return Ok(None);
            }
            let words = Words::new(state.translator(request));
            Ok(Some(bell::html(&words, unread)))
        }
        .boxed_local()
    }

    #[cfg(feature = "live")]
    fn source(
        &self,
        state: &Rc<RequestState>,
        request: &HttpRequest,
        recipient: Recipient,
    ) -> Result<Box<dyn StreamSource>, Error> {
        Ok(Box::new(InboxSource::new(state, request, recipient)?))
    }
}
