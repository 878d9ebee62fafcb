//! What the inbox adds to the pages and streams of a site.

use futures_util::future::{FutureExt, LocalBoxFuture};

use crate::inbox::web::bell;
#[cfg(feature = "live")]
use crate::inbox::web::events::InboxSource;
use crate::inbox::web::page::words::Words;
#[cfg(feature = "live")]
use crate::inbox::web::presence::PresenceSource;
#[cfg(feature = "live")]
use crate::web::live::source::StreamSource;
use crate::web::recipient_module::RecipientModule;
#[cfg(feature = "live")]
use crate::web::recipient_module::SourceRequest;
use crate::web::translation::Translator;
use crate::{Error, Recipient, Salver};

pub(super) struct InboxModule;

impl RecipientModule for InboxModule {
    fn has_empty_bell(&self, salver: &Salver, recipient: &Recipient) -> bool {
        bell::known_unread(salver, recipient) == Some(0)
    }

    fn bell<'a>(
        &'a self,
        salver: &'a Salver,
        translator: &'a Translator,
        recipient: &'a Recipient,
    ) -> LocalBoxFuture<'a, Result<Option<String>, Error>> {
        async move {
            let unread = bell::unread(salver, recipient).await?;
            let html = bell::html(unread, &Words::new(translator).unread_count(unread));
            Ok((!html.is_empty()).then_some(html))
        }
        .boxed_local()
    }

    #[cfg(feature = "live")]
    fn sources(&self, request: SourceRequest) -> Result<Vec<Box<dyn StreamSource>>, Error> {
        let presence = PresenceSource::new(&request)?;
        Ok(vec![
            Box::new(InboxSource::new(request)?),
            Box::new(presence),
        ])
    }
}
