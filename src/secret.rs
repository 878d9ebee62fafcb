//! The secrets of a site, which sign the links in mails.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
#[cfg(feature = "webhooks")]
use ring::hkdf;
use ring::hmac;
use sha2::{Digest, Sha256};

use crate::Error;

/// Shortest secret in bytes: the length of the signature, by RFC 2104.
const MIN_BYTES: usize = 32;
/// Bytes of the name of a secret. They tell apart the two secrets of a site.
const NAME_BYTES: usize = 4;

/// A secret. `Debug` omits it.
#[derive(Clone)]
pub(crate) struct Secret {
    key: hmac::Key,
    /// From which other secrets are derived.
    #[cfg(feature = "webhooks")]
    root: hkdf::Prk,
    /// Derived from the secret, so that a signature names the secret by which it is checked.
    name: String,
    length: usize,
}

impl Secret {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let name = Sha256::new()
            .chain_update("salver secret")
            .chain_update(bytes);
        let name = name.finalize();
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, bytes),
            #[cfg(feature = "webhooks")]
            root: hkdf::Salt::new(hkdf::HKDF_SHA256, b"salver").extract(bytes),
            name: URL_SAFE_NO_PAD.encode(name.get(..NAME_BYTES).unwrap_or_default()),
            length: bytes.len(),
        }
    }

    /// # Errors
    ///
    /// `is_invalid` for one that is too short to be safe.
    pub(crate) fn validate(&self, field: &'static str) -> Result<(), Error> {
        match self.length >= MIN_BYTES {
            true => Ok(()),
            false => Err(Error::invalid(field, "has fewer than 32 bytes")),
        }
    }

    /// Derives another secret of 32 bytes, by HKDF with SHA-256 (RFC 5869). `purpose`: what it is for, which distinguishes it
    /// from all others.
    #[cfg(feature = "webhooks")]
    pub(crate) fn derive(&self, purpose: [u8; 32]) -> Result<[u8; 32], Error> {
        let mut derived = [0; 32];
        let info = [purpose.as_slice()];
        let key = self.root.expand(&info, hkdf::HKDF_SHA256);
        let filled = key.and_then(|key| key.fill(&mut derived));
        // 32 bytes are the length of the digest, which is always possible.
        filled.map_err(|_| Error::misconfigured("a secret of 32 bytes cannot be derived"))?;
        Ok(derived)
    }

    /// Returns a text with its signature: the name of the secret, the text and the signature, with dots between.
    /// `purpose`: what the text is for; the signature is valid for no other.
    pub(crate) fn sign(&self, purpose: &str, text: &str) -> String {
        let signed = format!("{}.{}", self.name, URL_SAFE_NO_PAD.encode(text));
        let signature = hmac::sign(&self.key, for_purpose(purpose, &signed).as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns the text that this secret has signed for a purpose; `None` for another one.
    #[cfg(any(feature = "web", test))]
    pub(crate) fn verify(&self, purpose: &str, signed: &str) -> Option<String> {
        let (signed, signature) = signed.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let message = for_purpose(purpose, signed);
        hmac::verify(&self.key, message.as_bytes(), &signature).ok()?;
        let (_, text) = signed.split_once('.')?;
        String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

/// A signed text has no space.
fn for_purpose(purpose: &str, signed: &str) -> String {
    format!("{purpose} {signed}")
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_and_text_verify() {
        let (secret, other) = (Secret::new(&[7; 32]), Secret::new(&[8; 32]));
        let signed = secret.sign("test", "text");
        assert_eq!(secret.verify("test", &signed).as_deref(), Some("text"));
        assert_eq!(other.verify("test", &signed), None);
        assert_eq!(secret.verify("other", &signed), None);
        for index in 0..signed.len() {
            let mut bytes = signed.clone().into_bytes();
            if let Some(byte) = bytes.get_mut(index) {
                *byte = if *byte == b'A' { b'B' } else { b'A' };
            }
            let forged = String::from_utf8(bytes).unwrap_or_default();
            assert_eq!(secret.verify("test", &forged), None, "{index}");
        }
        for text in ["", ".", "..", "a.b.c", "text"] {
            assert_eq!(secret.verify("test", text), None, "{text}");
        }
        assert!(!format!("{secret:?}").contains('7'));
    }
}
