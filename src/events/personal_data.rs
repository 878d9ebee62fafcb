//! What is stored about the subscriptions of a recipient: to remove it, and to hand it over.

use serde_json::{Value, json};

use crate::events::registry::Registry;
use crate::events::store::IndexKey;
use crate::{Error, Recipient, Salver};

/// Removes all subscriptions of a recipient, also those that await their activation.
///
/// # Errors
///
/// Those of the store. Repeating is safe.
pub(crate) async fn erase(salver: &Salver, recipient: &Recipient) -> Result<(), Error> {
    let registry = Registry::new(salver, recipient)?;
    for (_, stored) in registry.read(&[]).await? {
        let pattern = stored.fields.pattern;
        let sets = IndexKey::all_of(&pattern);
        registry.forget(&pattern, &sets).await?;
    }
    Ok(())
}

/// Returns all subscriptions of a recipient as JSON.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn export(salver: &Salver, recipient: &Recipient) -> Result<Value, Error> {
    let all = Registry::new(salver, recipient)?.read(&[]).await?;
    let all = all.into_iter().map(|(_, stored)| stored);
    Ok(json!(all.collect::<Vec<_>>()))
}
