//! The recipient of a request: the person who is logged in.

use std::fmt;
use std::rc::Rc;

use actix_web::{HttpMessage, HttpRequest};

use crate::Recipient;

type Find = dyn Fn(&HttpRequest) -> Option<Recipient>;

/// Finds the recipient of a request.
#[derive(Clone, Default)]
pub(crate) struct RecipientSource(Option<Rc<Find>>);

impl RecipientSource {
    pub(crate) fn new(find: impl Fn(&HttpRequest) -> Option<Recipient> + 'static) -> Self {
        Self(Some(Rc::new(find)))
    }

    /// Returns the recipient in the extensions of the request, or the one that the closure finds.
    pub(crate) fn find(&self, request: &HttpRequest) -> Option<Recipient> {
        let extension = request.extensions().get::<Recipient>().cloned();
        extension.or_else(|| self.0.as_ref()?(request))
    }
}

impl fmt::Debug for RecipientSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecipientSource")
            .field(&self.0.is_some())
            .finish()
    }
}
