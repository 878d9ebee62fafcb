//! Which recipients in the index have an active subscription.

use std::collections::HashMap;

use crate::events::pattern::Pattern;
use crate::events::registry::Registry;
use crate::events::store::{self, IndexKey};
use crate::events::stored::StoredSubscription;
use crate::events::subscription::subscription_id;
use crate::{Error, Recipient, Salver};

/// A subscription that matches, with its id.
pub(in crate::events) type Matched = (String, StoredSubscription);

/// Returns for each recipient the active ones of its subscriptions to some patterns, at least one. One round trip for all;
/// in a Cluster one for each, at the same time. `cleans`: whether they are in the index for all of these patterns, and are
/// removed where they have no active subscription. Those that are merged, or are merging, are returned too then.
///
/// # Errors
///
/// Those of the store.
pub(in crate::events) async fn active_of(
    salver: &Salver,
    asked: &[(&Recipient, &[Pattern])],
    cleans: bool,
) -> Result<Vec<Vec<Matched>>, Error> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let ids = asked.iter().map(|(recipient, patterns)| {
        let ids = patterns.iter();
        let ids = ids.map(|pattern| subscription_id(recipient, pattern));
        (*recipient, ids.collect::<Vec<_>>())
    });
    let ids: Vec<_> = ids.collect();
    let store = store::of(salver)?;
    let found = store.subscriptions_of(salver.app(), &ids);
    let found = salver.read("subscriptions", found).await?;
    let mut active: HashMap<_, _> = found.into_iter().collect();
    active.retain(|_, stored| stored.is_active() || cleans && stored.successor().is_some());
    let mut all = Vec::new();
    for ((recipient, patterns), (_, ids)) in asked.iter().zip(ids) {
        let mut of_recipient = Vec::new();
        for (id, pattern) in ids.into_iter().zip(*patterns) {
            match active.remove(&id) {
                Some(stored) => of_recipient.push((id, stored)),
                None if cleans => {
                    let keys = IndexKey::all_of(pattern);
                    Registry::new(salver, recipient)?.clean_index(&keys).await?;
                }
                None => {}
            }
        }
        all.push(of_recipient);
    }
    Ok(all)
}
