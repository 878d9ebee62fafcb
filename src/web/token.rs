//! The visitor's secret, and the id that is derived from it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::{Error, SessionId};

/// 256 bits from the system: nobody guesses it, and no two are alike.
const BYTES: usize = 32;
/// The same in base64url without padding.
const CHARACTERS: usize = 43;
/// The characters of the digest that make a session id: 132 bits.
const ID_CHARACTERS: usize = 22;
/// Longest secret taken from a header. Hashing more for every request would be work for strangers.
const MAX_SECRET: usize = 512;

/// What proves to the server who the visitor is. Never a key, never logged.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token<'a>(Cow<'a, str>);

impl Token<'static> {
    /// Draws a new one.
    pub(crate) fn draw() -> Result<Self, Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|cause| {
            Error::unavailable("the system gives no random bytes").because(cause)
        })?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }
}

impl<'a> Token<'a> {
    /// Reads one that [`draw`](Self::draw) could have made, such as from a cookie.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let mut decoded = [0; BYTES];
        let fits = text.len() == CHARACTERS;
        let read = fits.then(|| URL_SAFE_NO_PAD.decode_slice(text, &mut decoded));
        (read?.ok()? == BYTES).then_some(Self(text.into()))
    }

    /// Takes a secret that somebody else made, such as from a header.
    pub(crate) fn foreign(secret: &'a str) -> Option<Self> {
        let fits = (1..=MAX_SECRET).contains(&secret.len());
        fits.then_some(Self(secret.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Derives the session id: the first 22 characters of base64url(SHA-256("salver1" 0 app 0 token)).
    pub(crate) fn session(&self, app: &str) -> Result<SessionId, Error> {
        let mut digest = Sha256::new();
        for part in ["salver1", "\0", app, "\0", &self.0] {
            digest.update(part);
        }
        let mut id = [0; CHARACTERS];
        let written = URL_SAFE_NO_PAD.encode_slice(digest.finalize(), &mut id);
        let id = written.ok().and(id.get(..ID_CHARACTERS));
        let id = id.and_then(|id| std::str::from_utf8(id).ok());
        id.map(SessionId::derived)
            .ok_or_else(|| Error::unreadable("a digest"))
    }
}
