//! The tokens that this process has read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::broker::tokens::token::StoredToken;

/// Application and id of a token.
type Key = (String, String);

/// Each token with the time until which it counts. Unknown ones are not kept: strangers could fill the memory.
#[derive(Default)]
pub(super) struct TokenCache(Mutex<HashMap<Key, (Instant, StoredToken)>>);

impl TokenCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, (Instant, StoredToken)>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, app: &str, id: &str) -> Option<StoredToken> {
        let tokens = self.lock();
        let (until, token) = tokens.get(&(app.to_owned(), id.to_owned()))?;
        (Instant::now() < *until).then(|| token.clone())
    }

    pub(super) fn insert(&self, app: &str, id: &str, until: Instant, token: StoredToken) {
        let (mut tokens, now) = (self.lock(), Instant::now());
        tokens.retain(|_, (until, _)| *until > now);
        tokens.insert((app.to_owned(), id.to_owned()), (until, token));
    }

    pub(super) fn forget(&self, app: &str, id: &str) {
        self.lock().remove(&(app.to_owned(), id.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::broker::tokens::right::Right;
    use crate::broker::tokens::token::Token;

    #[tokio::test(start_paused = true)]
    async fn token_counts_until_its_time_or_until_it_is_forgotten() {
        let (cache, token) = (TokenCache::default(), Token::new([Right::Publish]));
        let token = token.stored("secret");
        let until = Instant::now() + Duration::from_secs(10);
        cache.insert("app", "a", until, token.clone());
        cache.insert("app", "b", until, token.clone());
        cache.forget("app", "b");
        assert_eq!(cache.get("app", "a"), Some(token));
        assert_eq!(cache.get("app", "b"), None);
        assert_eq!(cache.get("other", "a"), None);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(cache.get("app", "a"), None);
    }
}
