//! A token, and what is stored of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::broker::tokens::right::Right;
use crate::events::MAX_EVENT_ID_BYTES;
use crate::validate::validate_line;
use crate::{Error, MessageId};

/// A token to create: what it may do, and which events it may publish.
///
/// ```
/// use salver::broker::{Right, Token};
///
/// let token = Token::new([Right::Publish]).source("/shop");
/// # let _ = token;
/// ```
#[derive(Clone, Debug)]
pub struct Token {
    rights: BTreeSet<Right>,
    source: Option<String>,
}

impl Token {
    /// Builds a token with rights. One without any is invalid.
    #[must_use]
    pub fn new(rights: impl IntoIterator<Item = Right>) -> Self {
        Self {
            rights: rights.into_iter().collect(),
            source: None,
        }
    }

    /// Sets the source of the events that it may publish: this one, and those below it. `/shop` allows `/shop/orders`, and
    /// not `/shops`. Default: any source.
    #[must_use]
    pub fn source(mut self, prefix: impl Into<String>) -> Self {
        self.source = Some(prefix.into());
        self
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.rights.is_empty() {
            return Err(Error::invalid(
                "rights",
                "are missing: the token could do nothing",
            ));
        }
        let source = self.source.as_deref();
        source.map_or(Ok(()), |source| {
            validate_line("source", source, MAX_EVENT_ID_BYTES)
        })
    }

    pub(super) fn stored(self, secret: &str) -> StoredToken {
        StoredToken {
            hash: hash(secret),
            rights: self.rights.into_iter().collect(),
            source: self.source,
            created: MessageId::new().unix_ms(),
        }
    }
}

/// A token that was created. Its secret is stored as a hash only.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListedToken {
    /// The id, by which it is revoked: the part of the token before the dot.
    pub id: String,
    /// What it may do.
    pub rights: Vec<Right>,
    /// The source of the events that it may publish; `None` for any.
    pub source: Option<String>,
    /// When it was created, in Unix milliseconds.
    pub created: u64,
}

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredToken {
    /// SHA-256 of the secret, in hexadecimal digits. A secret has 256 random bits, so no slow hash is needed.
    hash: String,
    rights: Vec<Right>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    created: u64,
}

impl StoredToken {
    pub(super) fn listed(self, id: String) -> ListedToken {
        ListedToken {
            id,
            rights: self.rights,
            source: self.source,
            created: self.created,
        }
    }

    /// Returns what a request with this secret may do; `None` for another secret.
    pub(super) fn grant(&self, secret: &str) -> Option<Grant> {
        is_same(&hash(secret), &self.hash).then(|| self.clone().known(String::new()).grant)
    }

    pub(super) fn known(self, id: String) -> KnownToken {
        KnownToken {
            id,
            hash: self.hash,
            grant: Grant {
                rights: self.rights,
                source: self.source,
                is_operator: false,
            },
        }
    }
}

/// A token that exists, without its secret.
#[derive(Clone, Debug)]
pub(in crate::broker) struct KnownToken {
    pub(in crate::broker) id: String,
    /// That of its secret.
    pub(in crate::broker) hash: String,
    pub(in crate::broker) grant: Grant,
}

/// What a request may do.
#[derive(Clone, Debug)]
pub(in crate::broker) struct Grant {
    pub(super) rights: Vec<Right>,
    pub(super) source: Option<String>,
    pub(super) is_operator: bool,
}

impl Grant {
    /// Returns whether the token is that of the operator.
    pub(in crate::broker) fn is_operator(&self) -> bool {
        self.is_operator
    }

    pub(in crate::broker) fn has(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// Returns whether it may publish events of a source.
    pub(in crate::broker) fn allows_source(&self, source: &str) -> bool {
        let Some(prefix) = &self.source else {
            return true;
        };
        let rest = source.strip_prefix(prefix.as_str());
        rest.is_some_and(|rest| {
            rest.is_empty()
                || prefix.ends_with(['/', ':'])
                || rest.starts_with(['/', ':', '?', '#'])
        })
    }
}

/// Returns SHA-256 of a secret, in hexadecimal digits.
pub(super) fn hash(secret: &str) -> String {
    let digest = Sha256::digest(secret);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares two hashes in a time that does not depend on them.
pub(super) fn is_same(hash: &str, other: &str) -> bool {
    hash.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_is_allowed_with_what_is_below_it() {
        for (prefix, source, is_allowed) in [
            ("/shop", "/shop", true),
            ("/shop", "/shop/orders", true),
            ("/shop", "/shop?a", true),
            ("/shop", "/shops", false),
            ("/shop", "/", false),
            ("urn:a:", "urn:a:b", true),
            ("/shop/", "/shop/a", true),
        ] {
            let grant = Grant {
                rights: Vec::new(),
                source: Some(prefix.to_owned()),
                is_operator: false,
            };
            assert_eq!(grant.allows_source(source), is_allowed, "{prefix} {source}");
        }
    }

    #[test]
    fn only_the_secret_is_granted() {
        let stored = Token::new([Right::Publish]).stored("secret");
        assert!(
            stored
                .grant("secret")
                .is_some_and(|grant| grant.has(Right::Publish))
        );
        for other in ["", "Secret", "secret ", &hash("secret")] {
            assert!(stored.grant(other).is_none(), "{other}");
        }
        let written = serde_json::to_string(&stored).unwrap_or_default();
        assert!(!written.contains("\"secret"), "{written}");
    }
}
