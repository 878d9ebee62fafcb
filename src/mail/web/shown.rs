//! What the page by which people unsubscribe shows about a link.

use crate::mail::unsubscribe::Unsubscribe;

/// What is unsubscribed from: the kinds, and the subscriptions that are active.
pub(super) struct Shown<'a> {
    pub(super) unsubscribe: &'a Unsubscribe,
    /// What the subscriptions are for.
    pub(super) subscriptions: Vec<String>,
}

impl Shown<'_> {
    pub(super) fn count(&self) -> usize {
        self.unsubscribe.kinds.len() + self.subscriptions.len()
    }
}
