//! What the pages and streams of a person contain: a module above this one provides it.

use std::fmt;
#[cfg(feature = "live")]
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use futures_util::future::LocalBoxFuture;
#[cfg(feature = "live")]
use tokio::sync::Semaphore;

#[cfg(feature = "live")]
use crate::web::live::source::StreamSource;
use crate::web::translation::Translator;
use crate::{Error, Recipient, Salver};

/// The module that fills the bell of a page and sends events to the stream of a recipient.
pub(crate) trait RecipientModule: Send + Sync {
    /// Returns whether the bell of a recipient certainly stays empty. Makes no store call.
    fn has_empty_bell(&self, salver: &Salver, recipient: &Recipient) -> bool;

    /// Returns the content of the bell; `None` if it stays empty. At most one round trip.
    fn bell<'a>(
        &'a self,
        salver: &'a Salver,
        translator: &'a Translator,
        recipient: &'a Recipient,
    ) -> LocalBoxFuture<'a, Result<Option<String>, Error>>;

    /// Returns the sources of the events for a recipient.
    #[cfg(feature = "live")]
    fn sources(&self, request: SourceRequest) -> Result<Vec<Box<dyn StreamSource>>, Error>;
}

/// What the sources of a stream need.
#[cfg(feature = "live")]
pub(crate) struct SourceRequest {
    pub(crate) salver: Salver,
    pub(crate) translator: Translator,
    pub(crate) recipient: Recipient,
    /// Limits the concurrent store calls of streams.
    pub(crate) polls: Rc<Semaphore>,
    /// The id of the last event of the stream before, as the browser sends it.
    pub(crate) last_event_id: Option<String>,
    /// Whether an open page shows who is online.
    pub(crate) shows_online: bool,
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
