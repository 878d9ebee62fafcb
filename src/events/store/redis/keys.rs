//! The keys of subscriptions. What is between braces decides the hash slot.

use crate::Recipient;
use crate::context::encode;
use crate::events::store::store_trait::IndexKey;

pub(super) fn filter_sets_key(app: &str, event_type: &str) -> String {
    format!("{}!filter-sets:{{{}}}", encode(app), encode(event_type))
}

pub(super) fn index_key(app: &str, key: &IndexKey) -> String {
    let app = encode(app);
    match key {
        // The text of a pattern is encoded.
        IndexKey::Subscribers(pattern) => format!("{app}!subscribers:{{{pattern}}}"),
        IndexKey::Subject(subject) => format!("{app}!subjects:{{{}}}", encode(subject)),
    }
}

/// Returns the key of the removals from a set that have begun.
pub(super) fn removals_key(app: &str, key: &IndexKey) -> String {
    format!("{}:removals", index_key(app, key))
}

pub(super) fn subscriptions_key(app: &str, recipient: &Recipient) -> String {
    let recipient = encode(recipient.as_str());
    format!("{}!subscriptions:{{{recipient}}}", encode(app))
}
