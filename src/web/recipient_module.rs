//! What the pages and streams of a person contain: a module above this one provides it.

use std::fmt;
#[cfg(feature = "live")]
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use actix_web::HttpRequest;
use futures_util::future::LocalBoxFuture;

#[cfg(feature = "live")]
use crate::web::live::source::StreamSource;
use crate::web::request::state::RequestState;
use crate::{Error, Recipient};

/// The module that fills the bell of a page and sends events to the stream of a recipient.
pub(crate) trait RecipientModule: Send + Sync {
    /// Returns whether the bell of a recipient certainly stays empty. Makes no store call.
    fn has_empty_bell(&self, state: &RequestState, recipient: &Recipient) -> bool;

    /// Returns the content of the bell; `None` if it stays empty. At most one round trip.
    fn bell<'a>(
        &'a self,
        state: &'a RequestState,
        request: &'a HttpRequest,
        recipient: &'a Recipient,
    ) -> LocalBoxFuture<'a, Result<Option<String>, Error>>;

    /// Returns the source of the events for a recipient.
    #[cfg(feature = "live")]
    fn source(
        &self,
        state: &Rc<RequestState>,
        request: &HttpRequest,
        recipient: Recipient,
    ) -> Result<Box<dyn StreamSource>, Error>;
}

/// The module of a handle, if its routes are mounted.
#[derive(Default)]
pub(crate) struct RegisteredModule(OnceLock<Arc<dyn RecipientModule>>);

impl RegisteredModule {
    /// Registers a module. Each handle has one kind, which any worker may register.
    pub(crate) fn register(&self, module: impl RecipientModule + 'static) {
        self.0.get_or_init(|| Arc::new(module));
    }

    pub(crate) fn get(&self) -> Option<&dyn RecipientModule> {
        self.0.get().map(|module| &**module)
    }
}

impl fmt::Debug for RegisteredModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegisteredModule")
            .field(&self.0.get().is_some())
            .finish()
    }
}
