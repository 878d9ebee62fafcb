//! The interface of the storage of tokens.

use crate::store::StoreFuture;

/// The storage of tokens, each a text by its id. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(super) trait TokenStore: Send + Sync {
    /// Adds a token.
    ///
    /// # Errors
    ///
    /// `is_full` for too many.
    fn add<'a>(&'a self, app: &'a str, id: &'a str, token: &'a str) -> StoreFuture<'a, ()>;

    /// Returns a token. Changes nothing.
    fn token<'a>(&'a self, app: &'a str, id: &'a str) -> StoreFuture<'a, Option<String>>;

    /// Returns all tokens, in no order. Changes nothing.
    fn tokens<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<(String, String)>>;

    /// Removes a token. Returns whether there was one.
    fn remove<'a>(&'a self, app: &'a str, id: &'a str) -> StoreFuture<'a, bool>;
}
