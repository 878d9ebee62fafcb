//! Digests of several fields, from which ids are derived, so that every step may be repeated.

use sha2::{Digest, Sha256};

/// Returns the first 16 bytes of a [`digest`], for ids that need not be secret.
#[cfg(feature = "jobs")]
pub(crate) fn short_digest(name: &str, fields: &[&str]) -> [u8; 16] {
    let [short @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest(name, fields);
    short
}

/// Returns a [`short_digest`] as base64url: 22 characters.
#[cfg(feature = "events")]
pub(crate) fn text_id(name: &str, fields: &[&str]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    URL_SAFE_NO_PAD.encode(short_digest(name, fields))
}

/// Returns SHA-256 over the name and the fields, each preceded by its length as 32 bits in
/// big-endian order, so that no two lists of fields have the same bytes.
pub(crate) fn digest(name: &str, fields: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in std::iter::once(&name).chain(fields) {
        // Fields are shorter than 4 GiB: every field has a limit.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        hash.update(length.to_be_bytes());
        hash.update(field.as_bytes());
    }
    hash.finalize().into()
}
