//! Tokens in the memory of this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::broker::limits::MAX_TOKENS;
use crate::broker::tokens::store_trait::TokenStore;
use crate::store::StoreFuture;

/// The tokens by their applications and ids.
#[derive(Default)]
pub(super) struct MemoryTokens(Mutex<BTreeMap<String, BTreeMap<String, String>>>);

impl MemoryTokens {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, String>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryTokens {
    fn add<'a>(&'a self, app: &'a str, id: &'a str, token: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut all = self.lock();
            let tokens = all.entry(app.to_owned()).or_default();
            if tokens.len() >= MAX_TOKENS && !tokens.contains_key(id) {
                return Err(Error::full("the application has too many tokens"));
            }
            tokens.insert(id.to_owned(), token.to_owned());
            Ok(())
        })
    }

    fn token<'a>(&'a self, app: &'a str, id: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(async move {
            let all = self.lock();
            Ok(all.get(app).and_then(|tokens| tokens.get(id)).cloned())
        })
    }

    fn tokens<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<(String, String)>> {
        Box::pin(async move {
            let tokens = self.lock().get(app).cloned();
            Ok(tokens.into_iter().flatten().collect())
        })
    }

    fn remove<'a>(&'a self, app: &'a str, id: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut all = self.lock();
            let tokens = all.get_mut(app);
            Ok(tokens.is_some_and(|tokens| tokens.remove(id).is_some()))
        })
    }
}
