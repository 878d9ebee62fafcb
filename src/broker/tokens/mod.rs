//! Tokens: what a program outside may do through the HTTP API.

mod cache;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod right;
mod store;
mod store_trait;
mod token;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use self::cache::TokenCache;
pub use self::right::Right;
use self::token::StoredToken;
pub(super) use self::token::{Grant, KnownToken};
pub use self::token::{ListedToken, Token};
use crate::broker::limits::{MIN_TOKEN_BYTES, TOKEN_TTL};
use crate::{Error, Salver};

/// Bytes of an id, which is no secret.
const ID_BYTES: usize = 9;
/// Bytes of a secret: too many to guess.
const SECRET_BYTES: usize = 32;

/// The tokens of an application. Created by [`Salver::tokens`].
#[derive(Clone)]
pub struct Tokens {
    salver: Salver,
}

impl Salver {
    /// Returns the tokens of this application, by which programs use its [HTTP API](crate::broker). Sends nothing.
    ///
    /// ```
    /// use salver::Salver;
    /// use salver::broker::{Right, Token};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// let salver = Salver::memory("shop")?;
    /// let token = salver.tokens().create(Token::new([Right::Publish])).await?;
    /// let (id, _secret) = token.split_once('.').unwrap_or_default();
    /// assert!(salver.tokens().revoke(id).await?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        Tokens {
            salver: self.clone(),
        }
    }
}

impl Tokens {
    /// Creates a token, and returns it as `id.secret`. One round trip. The secret is returned here only: a hash of it is
    /// stored.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid): no right, a source of two lines.
    /// - [`is_full`](Error::is_full): 1,000 tokens.
    /// - [`is_unavailable`](Error::is_unavailable), [`is_in_doubt`](Error::is_in_doubt),
    ///   [`is_denied`](Error::is_denied), [`is_misconfigured`](Error::is_misconfigured) for a custom store.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a token may exist whose secret is unknown; [`list`](Self::list) finds it.
    pub async fn create(&self, token: Token) -> Result<String, Error> {
        token.validate()?;
        let store = store::of(&self.salver)?;
        let (id, secret) = (random(ID_BYTES)?, random(SECRET_BYTES)?);
        let stored = serde_json::to_string(&token.stored(&secret));
        let stored = stored.map_err(|_| Error::invalid("token", "cannot be written as JSON"))?;
        let add = || store.add(self.salver.app(), &id, &stored);
        self.salver.write_idempotent("create_token", add).await?;
        Ok(format!("{id}.{secret}"))
    }

    /// Lists the tokens, oldest first, without their secrets. One round trip.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn list(&self) -> Result<Vec<ListedToken>, Error> {
        let store = store::of(&self.salver)?;
        let tokens = store.tokens(self.salver.app());
        let tokens = self.salver.read("list_tokens", tokens).await?;
        let listed = tokens.into_iter().filter_map(|(id, token)| {
            // A newer version may know further rights.
            let token: StoredToken = serde_json::from_str(&token).ok()?;
            Some(token.listed(id))
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        Ok(listed)
    }

    /// Revokes a token. All processes refuse it within 10 seconds. Returns whether there was one. One
    /// round trip.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the token may have been revoked. Repeating is safe.
    pub async fn revoke(&self, id: &str) -> Result<bool, Error> {
        let store = store::of(&self.salver)?;
        let remove = || store.remove(self.salver.app(), id);
        let removed = self.salver.write_idempotent("revoke_token", remove).await;
        self.salver
            .extension::<TokenCache>()
            .forget(self.salver.app(), id);
        removed
    }

    /// Returns the id of a token and what it may do; `None` for one that does not exist. One round trip in 10 seconds.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) async fn grant(&self, token: &str) -> Result<Option<(String, Grant)>, Error> {
        let Some((id, secret)) = token.split_once('.') else {
            return Ok(None);
        };
        let stored = self.stored(id).await?;
        let grant = stored.and_then(|stored| stored.grant(secret));
        Ok(grant.map(|grant| (id.to_owned(), grant)))
    }

    /// Returns a token by its id; `None` for one that does not exist. One round trip in 10 seconds.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) async fn known(&self, id: &str) -> Result<Option<KnownToken>, Error> {
        let stored = self.stored(id).await?;
        Ok(stored.map(|stored| stored.known(id.to_owned())))
    }

    async fn stored(&self, id: &str) -> Result<Option<StoredToken>, Error> {
        if !is_id(id) {
            return Ok(None);
        }
        let cache = self.salver.extension::<TokenCache>();
        if let Some(stored) = cache.get(self.salver.app(), id) {
            return Ok(Some(stored));
        }
        let (store, read_at) = (store::of(&self.salver)?, tokio::time::Instant::now());
        let token = store.token(self.salver.app(), id);
        let token = self.salver.read("read_token", token).await?;
        let stored = token.and_then(|token| serde_json::from_str::<StoredToken>(&token).ok());
        if let Some(stored) = &stored {
            cache.insert(self.salver.app(), id, read_at + TOKEN_TTL, stored.clone());
        }
        Ok(stored)
    }
}

/// A token that the site has configured, with all rights. It is stored nowhere.
#[derive(Clone)]
pub(super) struct FixedToken {
    hash: String,
}

impl FixedToken {
    /// The id by which it is [known](Self::known), which no other token can have: their ids are longer.
    pub(super) const ID: &str = "operator";

    /// Returns `None` for a token that is too short to be safe, or that no request can send, and logs it. The end of a line,
    /// which a token from a file has, is no part of it.
    pub(super) fn new(token: &str) -> Option<Self> {
        let token = token.trim_end_matches(['\r', '\n']);
        if token.len() < MIN_TOKEN_BYTES {
            tracing::error!("the token of the broker has fewer than 16 bytes; it is refused");
            return None;
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            tracing::error!(
                "the token of the broker has white space, or a character that no header can carry; it is refused"
            );
            return None;
        }
        Some(Self {
            hash: token::hash(token),
        })
    }

    pub(super) fn grant(&self, token: &str) -> Option<Grant> {
        let is_same = token::is_same(&token::hash(token), &self.hash);
        is_same.then(|| self.known().grant)
    }

    pub(super) fn known(&self) -> KnownToken {
        KnownToken {
            id: Self::ID.to_owned(),
            hash: self.hash.clone(),
            grant: Grant {
                rights: Right::ALL.to_vec(),
                source: None,
                is_operator: true,
            },
        }
    }
}

/// Ids of other forms are not asked for.
fn is_id(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    id.len() == ID_BYTES / 3 * 4 && id.bytes().all(is_allowed)
}

fn random(count: usize) -> Result<String, Error> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::unavailable("the system has no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("app", &self.salver.app())
            .finish()
    }
}
