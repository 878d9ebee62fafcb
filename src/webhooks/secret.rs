//! The secrets that sign the deliveries to an endpoint. They are derived from the secret of the site, so that the store has
//! none of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::digest::digest;
use crate::events::EndpointRecord;
use crate::secret::Secret;
use crate::webhooks::generations;
use crate::{Error, Salver};

/// The beginning of a secret as Standard Webhooks writes it.
pub(super) const PREFIX: &str = "whsec_";

/// The key of one generation of the secret of an endpoint.
pub(super) type Key = [u8; 32];

/// Returns the text of the current secret of an endpoint, for its owner.
///
/// # Errors
///
/// `is_misconfigured` for a site without a secret.
pub(super) fn text(salver: &Salver, endpoint: &str, generation: u32) -> Result<String, Error> {
    let key = derive(salver, of_site(salver)?, endpoint, generation)?;
    Ok(format!("{PREFIX}{}", STANDARD.encode(key)))
}

/// Returns the keys that sign a delivery at a time, the current one first.
///
/// # Errors
///
/// As [`text`].
pub(super) fn keys(
    salver: &Salver,
    endpoint: &str,
    record: &EndpointRecord,
    now: u64,
) -> Result<Vec<Key>, Error> {
    let secrets = [
        Some(of_site(salver)?),
        salver.config().mail.old_secret.as_ref(),
    ];
    let mut keys = Vec::new();
    for secret in secrets.into_iter().flatten() {
        for generation in generations::signing(&record.generation, now) {
            keys.push(derive(salver, secret, endpoint, generation)?);
        }
    }
    Ok(keys)
}

/// Returns the secret of the site, from which the others are derived.
///
/// # Errors
///
/// `is_misconfigured` for a site without a secret.
pub(super) fn of_site(salver: &Salver) -> Result<&Secret, Error> {
    let secret = salver.config().mail.secret.as_ref();
    secret.ok_or_else(|| {
        Error::misconfigured("webhooks need a secret to sign them: call `SalverBuilder::secret`")
    })
}

fn derive(salver: &Salver, secret: &Secret, endpoint: &str, generation: u32) -> Result<Key, Error> {
    let fields = [salver.app(), endpoint, &generation.to_string()];
    secret.derive(digest("webhook secret", &fields))
}
