//! Addresses that are never mailed again, such as mailboxes that do not exist.

mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod store_trait;

use std::fmt::Write;

use crate::digest::digest;
use crate::mail::suppression::store::of;
use crate::mail::suppression::store_trait::SuppressionKey;
use crate::{Error, Recipient, Salver};

impl Salver {
    /// Stops all mails to an address, until [`allow_mail`](Self::allow_mail). One round trip.
    ///
    /// Workers do it themselves when a mail server says that the mailbox does not exist. A site calls it when its
    /// mail service reports a bounce or a complaint later. Only a hash of the address is stored, without expiry;
    /// [`erase`](Self::erase) leaves it.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for `"ada"`; those of the store, as for [`notify`](Self::notify).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the mails may have been stopped. Repeating is safe.
    pub async fn suppress_mail(&self, address: &str) -> Result<(), Error> {
        let (store, hash) = (of(self)?, hash(address)?);
        let suppress = || store.suppress(self.suppression_key(&hash));
        self.write_idempotent("suppress_mail", suppress).await
    }

    /// Allows mails to an address again, when the person says that it works. One round trip.
    ///
    /// # Errors
    ///
    /// As [`suppress_mail`](Self::suppress_mail).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the mails may have been allowed. Repeating is safe.
    pub async fn allow_mail(&self, address: &str) -> Result<(), Error> {
        let (store, hash) = (of(self)?, hash(address)?);
        let allow = || store.allow(self.suppression_key(&hash));
        self.write_idempotent("allow_mail", allow).await
    }

    /// Returns whether mails to an address are stopped. One round trip.
    ///
    /// # Errors
    ///
    /// As [`suppress_mail`](Self::suppress_mail).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn is_mail_suppressed(&self, address: &str) -> Result<bool, Error> {
        let (store, hash) = (of(self)?, hash(address)?);
        let call = store.is_suppressed(self.suppression_key(&hash));
        self.read("is_mail_suppressed", call).await
    }

    fn suppression_key<'a>(&'a self, hash: &'a str) -> SuppressionKey<'a> {
        SuppressionKey {
            app: self.app(),
            hash,
        }
    }
}

/// Returns the hash of an address in its normal form.
fn hash(address: &str) -> Result<String, Error> {
    let address = Recipient::email(address)?;
    let digest = digest("suppressed", &[address.as_str()]);
    let half = digest.iter().take(16);
    Ok(half.fold(String::new(), |mut hash, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(hash, "{byte:02x}");
        hash
    }))
}
