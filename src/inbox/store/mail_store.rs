//! The interface of the storage of what is mailed: what waits, what a mail has taken, and preferences.

use std::collections::HashMap;

use crate::MessageId;
use crate::inbox::key::InboxKey;
use crate::inbox::store::store_trait::Entry;
use crate::store::StoreFuture;

/// Most kinds with a preference. Stops one person from filling the store.
pub(crate) const MAX_PREFERENCES: usize = 100;

/// What waits for a mail.
#[derive(Debug, Default)]
pub(crate) struct Unmailed {
    /// The cadence by kind, as it is stored.
    pub(crate) preferences: HashMap<String, String>,
    /// When the last digest of each name was sent, as it is stored.
    pub(crate) last_periods: HashMap<String, String>,
    /// The unread ones, oldest first.
    pub(crate) entries: Vec<Entry>,
}

/// The storage of what is mailed. Each call is atomic, and may be repeated.
///
/// # Errors
///
/// Any error of the storage itself.
pub(crate) trait MailStore: Send + Sync {
    /// Returns what waits; of the notifications one alone if `only` names it. Changes nothing.
    fn unmailed<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        only: Option<MessageId>,
    ) -> StoreFuture<'a, Unmailed>;

    /// Takes those of `ids` that wait. A job that has taken some before takes no others. Returns those that are
    /// still unread, oldest first.
    fn begin_mail<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        job: &'a str,
        ids: &'a [MessageId],
    ) -> StoreFuture<'a, Vec<Entry>>;

    /// Forgets what a job has taken. `period`: the name of a digest, and the period for which it was sent.
    fn end_mail<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        job: &'a str,
        period: Option<(&'a str, &'a str)>,
    ) -> StoreFuture<'a, ()>;

    /// Changes nothing.
    fn preferences<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, HashMap<String, String>>;

    /// Returns the settings of the site that a worker has stored. Changes nothing.
    fn site_settings<'a>(&'a self, app: &'a str) -> StoreFuture<'a, HashMap<String, String>>;

    /// Replaces the settings of the site.
    fn set_site_settings<'a>(
        &'a self,
        app: &'a str,
        fields: &'a [(String, String)],
    ) -> StoreFuture<'a, ()>;

    /// Sets the preference of a kind; `None` removes it.
    ///
    /// # Errors
    ///
    /// `is_full` over [`MAX_PREFERENCES`].
    fn set_preference<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        kind: &'a str,
        cadence: Option<&'a str>,
    ) -> StoreFuture<'a, ()>;
}
