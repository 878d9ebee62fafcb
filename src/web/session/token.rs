//! The visitor's secret token, and the session id that is derived from it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::{Error, SessionId};

/// Length of a token in bytes: 256 random bits from the operating system, so that no token can be
/// guessed and no two are equal.
const TOKEN_BYTES: usize = 32;
/// Length of a token in characters: base64url without padding.
const TOKEN_LEN: usize = 43;
/// The characters of a token, or other bytes of the same length.
pub(crate) type TokenBytes = [u8; TOKEN_LEN];
/// Allowed last characters of a token. The last one encodes four bits of the token and two zero
/// bits.
const LAST_CHARACTERS: &str = "AEIMQUYcgkosw048";
/// Number of characters of the digest that form a session id: 132 bits.
const ID_LEN: usize = 22;
/// `ID_LEN`, rounded up to whole groups of four characters, each of which encodes three bytes.
const ID_BUFFER_LEN: usize = ID_LEN.next_multiple_of(4);
/// Longest secret accepted from a header. Prevents clients from making the server hash long values
/// with each request.
const MAX_SECRET: usize = 512;

/// The secret that identifies the visitor to the server. Never used as a key, never logged.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token<'a>(Cow<'a, str>);

impl Token<'static> {
    /// Generates a random token.
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|cause| {
            Error::unavailable("the system returned no random bytes").with_source(cause)
        })?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }
}

impl<'a> Token<'a> {
    /// Parses a token in the form that `generate` produces, such as from a cookie.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_valid = text.len() == TOKEN_LEN
            && text.ends_with(|last| LAST_CHARACTERS.contains(last))
            && text.bytes().all(is_base64url);
        is_valid.then_some(Self(text.into()))
    }

    /// Accepts a secret that was created elsewhere, such as from a header.
    pub(crate) fn from_secret(secret: &'a str) -> Option<Self> {
        let is_valid = (1..=MAX_SECRET).contains(&secret.len());
        is_valid.then_some(Self(secret.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Derives the session id: the first 22 characters of base64url(SHA-256("salver1\0" + app +
    /// "\0" + token)).
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
            .ok_or_else(|| Error::unreadable("the session id derived from the token"))
    }
}
