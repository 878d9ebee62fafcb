//! The sessions of the visitors whom a worker has lately served: to derive one anew costs more than all else that
//! is done for a page with nothing to show.

use std::cell::RefCell;

use crate::SessionId;
use crate::web::session::token::{CHARACTERS, Token};

/// Most visitors that are remembered. Bounds the memory of each worker, at some 100 KiB.
const VISITORS: usize = 1024;

type Text = [u8; CHARACTERS];

/// One place for each of so many parts of all tokens: whoever comes last has it.
pub(crate) struct Lately(RefCell<Vec<Option<(Text, SessionId)>>>);

impl Default for Lately {
    fn default() -> Self {
        Self(RefCell::new(vec![None; VISITORS]))
    }
}

impl Lately {
    /// Gives the session of a token of one application, always the same one.
    pub(crate) fn session(&self, token: &[u8], app: &str) -> Option<SessionId> {
        let text: Text = token.try_into().ok()?;
        let mut visitors = self.0.borrow_mut();
        let place = visitors.get_mut(place(&text))?;
        if let Some((known, session)) = place
            && is_same(known, &text)
        {
            return Some(session.clone());
        }
        let session = Token::read(std::str::from_utf8(&text).ok()?)?.session(app);
        let session = session.ok()?;
        *place = Some((text, session.clone()));
        Some(session)
    }
}

/// Tokens are random: some of their bits are as good as a hash.
fn place(token: &Text) -> usize {
    let [first, second, ..] = *token;
    (usize::from(first) << 5 ^ usize::from(second)) % VISITORS
}

/// Takes as long wherever two tokens differ: nobody can feel his way to another's.
fn is_same(one: &Text, other: &Text) -> bool {
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
