//! The interface of the storage of endpoints.

use crate::store::StoreFuture;

/// All endpoints of an application, unless they are those that the caller knows.
pub(super) enum Listing {
    /// They have not changed since the known version.
    Unchanged,
    Changed {
        /// Occurs once: another one stands for other endpoints.
        version: String,
        /// Each with its id, as JSON.
        endpoints: Vec<(String, String)>,
    },
}

/// A change of one endpoint.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) id: &'a str,
    /// The endpoint before, as JSON; `None` if there was none.
    pub(super) before: Option<&'a str>,
    /// The endpoint afterwards; `None` removes it.
    pub(super) after: Option<&'a str>,
    /// A text that occurs once.
    pub(super) version: &'a str,
}

/// What a change has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// The endpoint is as it should be.
    Written,
    /// It was not as the caller had read it. Nothing changed.
    Differs,
}

/// The storage of endpoints. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(super) trait EndpointStore: Send + Sync {
    /// Returns all endpoints. `known`: the version that the caller has; empty for none. Changes nothing.
    fn endpoints<'a>(&'a self, app: &'a str, known: &'a str) -> StoreFuture<'a, Listing>;

    /// Writes or removes an endpoint, if it is still as the caller has read it.
    ///
    /// # Errors
    ///
    /// `is_full` for too many endpoints.
    fn change_endpoint<'a>(&'a self, app: &'a str, change: Change<'a>) -> StoreFuture<'a, Changed>;
}
