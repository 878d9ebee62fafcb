//! The sessions of the visitors whom a worker has lately served: to derive one anew costs more than all else that
//! is done for a page with nothing to show.

use std::cell::RefCell;

use crate::SessionId;
use crate::web::session::token::{TOKEN_LEN, Token};

/// Most visitors that are remembered. Bounds the memory of each worker, at some 100 KiB.
const CAPACITY: usize = 1024;

type TokenBytes = [u8; TOKEN_LEN];

/// One place for each of so many parts of all tokens: whoever comes last has it.
pub(crate) struct SessionCache(RefCell<Vec<Option<(TokenBytes, SessionId)>>>);

impl Default for SessionCache {
    fn default() -> Self {
        Self(RefCell::new(vec![None; CAPACITY]))
    }
}

impl SessionCache {
    /// Gives the session of a token of one application, always the same one.
    pub(crate) fn session(&self, token: &[u8], app: &str) -> Option<SessionId> {
        let text: TokenBytes = token.try_into().ok()?;
        let mut visitors = self.0.borrow_mut();
        let slot = visitors.get_mut(slot_index(&text))?;
        if let Some((known, session)) = slot
            && constant_time_eq(known, &text)
        {
            return Some(session.clone());
        }
        let session = Token::parse(std::str::from_utf8(&text).ok()?)?.session(app);
        let session = session.ok()?;
        *slot = Some((text, session.clone()));
        Some(session)
    }
}

/// Tokens are random: some of their bits are as good as a hash.
fn slot_index(token: &TokenBytes) -> usize {
    let [first, second, ..] = *token;
    (usize::from(first) << 5 ^ usize::from(second)) % CAPACITY
}

/// Takes as long wherever two tokens differ: nobody can feel his way to another's.
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
