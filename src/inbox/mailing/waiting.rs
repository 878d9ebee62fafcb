//! What waits for a mail, for the workers that send it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cadence::Cadence;
use crate::inbox::encoding;
use crate::inbox::mailing::preferences::Preferences;
use crate::inbox::mailing::site_settings::settings_of;
use crate::inbox::results::InboxRow;
use crate::inbox::rows::{Row, Rows};
use crate::inbox::store::Entry;
use crate::mail_settings::MailSettings;
use crate::store::millis;
use crate::{Error, Inbox, MessageId, Notification, Recipient, Salver};

/// The name, beside those of digests, under which the last jobs of [`MailTask::IfUnread`](super::MailTask::IfUnread) that
/// have ended their mails are recorded.
pub(crate) const ENDED_JOBS: &str = "if-unread";
/// How many of them are recorded: more than can end their mails while one waits for its next attempt.
const MAX_ENDED_JOBS: usize = 16;

/// The mails of one recipient.
pub(crate) struct Mails(Inbox);

/// What waits for a mail.
#[derive(Debug)]
pub(crate) struct Waiting {
    settings: Arc<MailSettings>,
    recipient: Recipient,
    preferences: Preferences,
    /// When the last digest of each name was sent.
    pub(crate) last_periods: HashMap<String, String>,
    /// The unread ones, oldest first.
    pub(crate) notifications: Vec<Notification>,
}

/// What a job has taken and is still unread, oldest first.
pub(crate) struct Taken(Vec<(Entry, Notification)>);

impl Taken {
    pub(crate) fn notifications(&self) -> impl Iterator<Item = &Notification> {
        self.0.iter().map(|(_, notification)| notification)
    }

    /// Returns those that `is_wanted` selects as rows, newest first.
    pub(crate) fn into_rows(self, is_wanted: impl Fn(&Notification) -> bool) -> Vec<InboxRow> {
        let mut rows = Rows::default();
        for (entry, notification) in self.0.into_iter().rev() {
            if is_wanted(&notification) {
                rows.push(entry, notification, true);
            }
        }
        rows.rows.into_iter().filter_map(Row::finish).collect()
    }
}

impl Waiting {
    /// Returns how often the recipient is mailed about notifications of this kind at present.
    pub(crate) fn cadence(&self, one: &Notification) -> Cadence {
        self.preferences
            .cadence(&self.settings, &self.recipient, one.kind())
    }

    /// Returns whether a job has ended its mail. If it runs again, what waits now is no part of it.
    pub(crate) fn has_ended(&self, job: &str) -> bool {
        self.ended_jobs().any(|ended| ended == job)
    }

    /// Returns the value of [`ENDED_JOBS`] with one more.
    pub(crate) fn with_ended(&self, job: &str) -> String {
        let jobs = std::iter::once(job).chain(self.ended_jobs());
        let jobs: Vec<_> = jobs.take(MAX_ENDED_JOBS).collect();
        jobs.join(" ")
    }

    fn ended_jobs(&self) -> impl Iterator<Item = &str> {
        let ended = self.last_periods.get(ENDED_JOBS);
        ended.into_iter().flat_map(|ended| ended.split(' '))
    }

    /// Returns when the first of those that are mailed if they are unread has been for as long, in Unix milliseconds.
    pub(crate) fn unread_due(&self) -> Option<u64> {
        let due = self
            .notifications
            .iter()
            .filter_map(|one| match self.cadence(one) {
                Cadence::IfUnread(time) => Some(one.position() + millis(time)),
                _ => None,
            });
        due.min()
    }
}

impl Mails {
    pub(crate) fn new(salver: &Salver, recipient: &Recipient) -> Self {
        Self(salver.inbox(recipient))
    }

    /// Returns what waits; of the notifications one alone if `only` names it.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) async fn waiting(&self, only: Option<MessageId>) -> Result<Waiting, Error> {
        let store = self.0.mail_store("unmailed")?;
        let unmailed = store.unmailed(self.0.key(), only);
        let unmailed = self.0.salver.read("unmailed", unmailed).await?;
        let entries = decoded(unmailed.entries);
        Ok(Waiting {
            settings: settings_of(&self.0.salver).await?,
            recipient: self.0.recipient().clone(),
            preferences: Preferences::new(unmailed.preferences),
            last_periods: unmailed.last_periods,
            notifications: entries.map(|(_, notification)| notification).collect(),
        })
    }

    /// Takes notifications for a job, and returns those that are still unread. A repeat takes the same ones.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) async fn begin(&self, job: &str, ids: &[MessageId]) -> Result<Taken, Error> {
        let store = self.0.mail_store("begin_mail")?;
        let begin = || store.begin_mail(self.0.key(), job, ids);
        let entries = self.0.salver.write_idempotent("begin_mail", begin).await?;
        Ok(Taken(decoded(entries).collect()))
    }

    /// Forgets what a job has taken. `period`: the name of a digest, and the period for which it was sent.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) async fn end(&self, job: &str, period: Option<(&str, &str)>) -> Result<(), Error> {
        let store = self.0.mail_store("end_mail")?;
        let end = || store.end_mail(self.0.key(), job, period);
        self.0.salver.write_idempotent("end_mail", end).await
    }
}

/// Returns the notifications that can be decoded.
fn decoded(entries: Vec<Entry>) -> impl Iterator<Item = (Entry, Notification)> {
    entries.into_iter().filter_map(|entry| {
        let mut notification = encoding::decode(&entry.member).ok()?;
        notification.position = entry.position;
        notification.is_unread = entry.is_unread;
        Some((entry, notification))
    })
}
