//! Cache of the sessions of recent visitors. Deriving a session id costs more than all other work
//! for a page without messages.

use std::cell::RefCell;

use subtle::ConstantTimeEq;

use crate::SessionId;
use crate::web::session::token::{Token, TokenBytes};

/// Number of cached visitors. Bounds the memory of each worker to about 100 KiB.
const CAPACITY: usize = 1024;

/// A direct-mapped cache: each token maps to one entry, which the most recent visitor occupies.
pub(crate) struct SessionCache(RefCell<Vec<Option<(TokenBytes, SessionId)>>>);

impl Default for SessionCache {
    fn default() -> Self {
        Self(RefCell::new(vec![None; CAPACITY]))
    }
}

impl SessionCache {
    /// Returns the session of a token. `app` must be the same in all calls. `None` for an invalid
    /// token.
    pub(crate) fn session(&self, token: TokenBytes, app: &str) -> Option<SessionId> {
        let mut entries = self.0.borrow_mut();
        let entry = entries.get_mut(slot_index(&token))?;
        // In constant time: response times reveal nothing about the token of another visitor.
        if let Some((cached, session)) = entry
            && bool::from(cached.ct_eq(&token))
        {
            return Some(session.clone());
        }
        let session = Token::parse(std::str::from_utf8(&token).ok()?)?.session(app);
        let session = session.ok()?;
        *entry = Some((token, session.clone()));
        Some(session)
    }
}

/// Returns the entry of a token. Tokens are random, so some of their bits serve as a hash.
fn slot_index(token: &TokenBytes) -> usize {
    let [first, second, ..] = *token;
    (usize::from(first) << 5 ^ usize::from(second)) % CAPACITY
}
