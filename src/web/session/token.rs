//! The visitor's secret, and the id that is derived from it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::{Error, SessionId};

/// 256 bits from the system: nobody guesses it, and no two are alike.
const TOKEN_BYTES: usize = 32;
/// The same in base64url without padding.
pub(crate) const TOKEN_LEN: usize = 43;
/// What the last of them may be: it has four of the bits, and two of 0.
const LAST_CHARACTERS: &str = "AEIMQUYcgkosw048";
/// The characters of the digest that make a session id: 132 bits.
const ID_LEN: usize = 22;
/// The next whole number of groups of four characters, each of three bytes.
const ID_BUFFER_LEN: usize = ID_LEN.next_multiple_of(4);
/// Longest secret taken from a header. Hashing more for every request would be work for strangers.
const MAX_SECRET: usize = 512;

/// What proves to the server who the visitor is. Never a key, never logged.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token<'a>(Cow<'a, str>);

impl Token<'static> {
    /// Draws a new one.
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|cause| {
            Error::unavailable("the system returned no random bytes").with_source(cause)
        })?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }
}

impl<'a> Token<'a> {
    /// Reads one that looks as [`draw`](Self::draw) makes them, such as from a cookie.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = text.len() == TOKEN_LEN
            && text.ends_with(|last| LAST_CHARACTERS.contains(last))
            && text.bytes().all(is_ours);
        fits.then_some(Self(text.into()))
    }

    /// Takes a secret that somebody else made, such as from a header.
    pub(crate) fn from_secret(secret: &'a str) -> Option<Self> {
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
        let (digest, mut id) = (digest.finalize(), [0; ID_BUFFER_LEN]);
        let enough = digest.get(..ID_BUFFER_LEN / 4 * 3).unwrap_or_default();
        let written = URL_SAFE_NO_PAD.encode_slice(enough, &mut id);
        let id = written.ok().and(id.get(..ID_LEN));
        let id = id.and_then(|id| std::str::from_utf8(id).ok());
        id.map(SessionId::derived)
            .ok_or_else(|| Error::unreadable("a digest"))
    }
}
