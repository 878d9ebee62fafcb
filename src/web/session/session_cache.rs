//! Cache of the sessions of recent visitors. Deriving a session id costs more than all other work
//! for a page without messages.

use std::cell::RefCell;

use crate::SessionId;
use crate::web::session::token::{TOKEN_LEN, Token};

/// Number of cached visitors. Bounds the memory of each worker to about 100 KiB.
const CAPACITY: usize = 1024;

type TokenBytes = [u8; TOKEN_LEN];

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
    pub(crate) fn session(&self, token: &[u8], app: &str) -> Option<SessionId> {
        let token: TokenBytes = token.try_into().ok()?;
        let mut entries = self.0.borrow_mut();
        let entry = entries.get_mut(slot_index(&token))?;
        if let Some((cached, session)) = entry
            && constant_time_eq(cached, &token)
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

/// Compares two tokens in constant time, so that response times reveal nothing about the token of
/// another visitor.
fn constant_time_eq(one: &TokenBytes, other: &TokenBytes) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks(), other.as_chunks());
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let words = words.iter().zip(other_words);
    let differs = words.fold(0, |differs, (one, other)| {
        differs | (word(one) ^ word(other))
    });
    let rest = rest.iter().zip(other_rest);
    rest.fold(differs, |differs, (one, other)| {
        differs | u64::from(one ^ other)
    }) == 0
}
