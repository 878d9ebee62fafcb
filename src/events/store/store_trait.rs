//! The interface of the storage of subscriptions.

use crate::Recipient;
use crate::events::pattern::{Pattern, SUBJECT};
use crate::events::stored::{Fields, State, StoredSubscription};
use crate::store::StoreFuture;

/// A set of recipients of an application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum IndexKey {
    /// Those with a subscription to exactly this pattern.
    Subscribers(String),
    /// Those with a subscription to this object.
    Subject(String),
}

impl IndexKey {
    /// Returns the sets in which a subscription to a pattern is.
    pub(crate) fn all_of(pattern: &Pattern) -> Vec<Self> {
        let subject = pattern.filter(SUBJECT);
        let subject = subject.map(|subject| Self::Subject(subject.to_owned()));
        std::iter::once(Self::Subscribers(pattern.key()))
            .chain(subject)
            .collect()
    }
}

/// A part of a set of recipients, in the order of their text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range<'a> {
    /// The beginning of their text form.
    pub(crate) prefix: &'a str,
    /// The recipient before the first one; empty for the first of all.
    pub(crate) after: &'a str,
    pub(crate) limit: usize,
}

/// A subscription to write.
pub(crate) struct NewSubscription<'a> {
    pub(crate) id: &'a str,
    pub(crate) state: State,
    /// Since when it is in this state, in Unix milliseconds of the store; `None` for now.
    pub(crate) since: Option<u64>,
    pub(crate) fields: &'a Fields,
}

/// A subscription after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) state: State,
    /// When it entered this state, in Unix milliseconds of the store.
    pub(crate) at: u64,
}

/// What an activation has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activated {
    /// The subscription is active now, or was before.
    Active,
    /// There is none that awaits this activation.
    Expired,
}

/// The storage of subscriptions. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(crate) trait SubscriptionStore: Send + Sync {
    /// Returns the combinations of filter names by which subscriptions to a type differ. Changes nothing.
    fn filter_sets<'a>(&'a self, app: &'a str, event_type: &'a str)
    -> StoreFuture<'a, Vec<String>>;

    /// Adds a combination of filter names.
    ///
    /// # Errors
    ///
    /// `is_full` for a type with too many.
    fn add_filter_set<'a>(
        &'a self,
        app: &'a str,
        event_type: &'a str,
        names: &'a str,
    ) -> StoreFuture<'a, ()>;

    /// Adds a recipient to a set. Removals that have begun remove nothing.
    fn index<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
    ) -> StoreFuture<'a, ()>;

    /// Begins the removal of a recipient from a set. `mark`: a text that occurs once.
    fn mark_removal<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
        mark: &'a str,
    ) -> StoreFuture<'a, ()>;

    /// Removes a recipient from a set, unless it was added since the removal began. `None` for the mark removes in any
    /// case.
    fn remove_from_index<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
        mark: Option<&'a str>,
    ) -> StoreFuture<'a, ()>;

    /// Returns a part of a set. Changes nothing.
    fn indexed<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        range: Range<'a>,
    ) -> StoreFuture<'a, Vec<String>>;

    /// Returns subscriptions of a recipient by their ids; all for no ids. Changes nothing.
    fn subscriptions<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        ids: &'a [String],
    ) -> StoreFuture<'a, Vec<(String, StoredSubscription)>>;

    /// Returns subscriptions of several recipients by their ids, none of which is empty. Changes nothing.
    fn subscriptions_of<'a>(
        &'a self,
        app: &'a str,
        asked: &'a [(&'a Recipient, Vec<String>)],
    ) -> StoreFuture<'a, Vec<(String, StoredSubscription)>>;

    /// Writes a subscription. One that is active stays so, since the earlier time, unless it is merged. One that awaits
    /// its activation keeps its time for a day. One that is merging does not await it again.
    ///
    /// # Errors
    ///
    /// `is_full` for a recipient with too many.
    fn write_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        new: &'a NewSubscription<'a>,
    ) -> StoreFuture<'a, Written>;

    /// Activates a subscription that awaits it since a time.
    fn activate_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        id: &'a str,
        at: u64,
    ) -> StoreFuture<'a, Activated>;

    /// Removes a subscription. Returns whether there was one that was active.
    fn remove_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        id: &'a str,
    ) -> StoreFuture<'a, bool>;
}
