//! The handler of the jobs that send mails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::sleep;

use crate::cadence::Cadence;
use crate::inbox::{
    ENDED_JOBS, InboxRow, MailTask, Mails, Waiting, enqueue_rest, enqueue_unread, restore_settings,
    share_settings,
};
use crate::jobs::{Handler, MAIL_QUEUE, Outcome, Profile, RECORD_BACKOFF, StoredJob, read_task};
#[cfg(feature = "events")]
use crate::mail::activation::Activation;
use crate::mail::mailer::Mailer;
use crate::mail::planner::Planner;
use crate::mail::reasons::Reasons;
use crate::mail::schedule::{counted_period, time_zone, was_sent};
use crate::telemetry::record_digest;
use crate::{Error, InboxFilter, MessageId, Notification, Salver};

/// Most notifications of one mail. Bounds its size; the others wait for the next one.
const MAX_MAILED: usize = 200;

pub(super) struct MailHandler {
    pub(super) salver: Salver,
    pub(super) mailer: Mailer,
    pub(super) planner: Arc<Planner>,
    /// Whether the store has the settings of this worker.
    pub(super) has_begun: AtomicBool,
}

/// A mail that a job sends.
pub(super) struct Mail<'a> {
    pub(super) job: String,
    pub(super) profile: &'a Profile,
    pub(super) address: &'a str,
}

impl Handler for MailHandler {
    fn queue(&self) -> &'static str {
        MAIL_QUEUE
    }

    fn validate(&self) -> Result<(), Error> {
        self.site()?;
        if self.salver.config().mail.secret.is_none() {
            return Err(Error::misconfigured(
                "mails need a secret for their links: call `SalverBuilder::secret`",
            ));
        }
        self.mailer.validate()
    }

    fn begin(&self) -> BoxFuture<'_, Result<(), Error>> {
        async {
            share_settings(&self.salver).await?;
            self.has_begun.store(true, Ordering::Relaxed);
            Ok(())
        }
        .boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Error>> {
        async {
            if !self.has_begun.load(Ordering::Relaxed) {
                return self.begin().await;
            }
            if restore_settings(&self.salver).await? {
                tracing::error!(
                    "the store has lost its data: notifications and mails that waited are lost; new ones are mailed"
                );
            }
            Ok(())
        }
        .boxed()
    }

    fn attempt<'a>(&'a self, job: &'a StoredJob, now: u64) -> BoxFuture<'a, Outcome> {
        let delivery = self.deliver(job, now);
        delivery
            .map(|outcome| outcome.unwrap_or_else(Outcome::from))
            .boxed()
    }
}

impl MailHandler {
    async fn deliver(&self, job: &StoredJob, now: u64) -> Result<Outcome, Error> {
        let task: MailTask = match read_task(job) {
            Ok(task) => task,
            Err(outcome) => return Ok(outcome),
        };
        let recipient = task.recipient();
        let profile = match self.planner.profile(recipient).await {
            Ok(profile) => profile,
            Err(outcome) => return Ok(outcome),
        };
        let Some(address) = profile.email.as_deref() else {
            return Ok(Outcome::Done);
        };
        // `mime::encode` rejects an address that cannot be read.
        let suppressed = self.salver.is_mail_suppressed(address).await;
        match suppressed {
            Ok(true) => return Ok(Outcome::Done),
            Err(error) if !error.is_invalid() => return Err(error),
            Ok(false) | Err(_) => {}
        }
        let mail = Mail {
            job: job.id.to_string(),
            profile: &profile,
            address,
        };
        match &task {
            #[cfg(feature = "events")]
            MailTask::Activation {
                recipient,
                subscription,
                at,
            } => {
                let activation = Activation {
                    recipient: recipient.clone(),
                    subscription: subscription.clone(),
                    at: *at,
                };
                self.send_activation(&mail, &activation, now).await
            }
            MailTask::AtOnce { .. } | MailTask::IfUnread { .. } | MailTask::Digest { .. } => {
                self.send_waiting(mail, &task, now).await
            }
        }
    }

    /// Mails what waits for such a mail, is still unread, and for which the recipient is still subscribed.
    async fn send_waiting(
        &self,
        mail: Mail<'_>,
        task: &MailTask,
        now: u64,
    ) -> Result<Outcome, Error> {
        let mails = Mails::new(&self.salver, &mail.profile.recipient);
        let waiting = mails.waiting(task.only()).await?;
        // The recipient has moved to another time zone, a later digest was sent while this one was attempted, or an
        // attempt has ended its mail and was not recorded: what came later is no part of that.
        let was_sent = match task.period() {
            Some((name, period, _)) => was_sent(waiting.last_periods.get(name), period),
            None => waiting.has_ended(&mail.job),
        };
        if matches!(task, MailTask::IfUnread { .. })
            && let Some(due) = waiting.unread_due().filter(|due| *due > now)
        {
            // They have jobs of their own, unless the cadence has changed.
            enqueue_unread(&self.salver, &mail.profile.recipient, due).await?;
        }
        // A job that has taken some before takes no others.
        let mut selected = match was_sent {
            true => Vec::new(),
            false => selected(task, &waiting, now),
        };
        selected.truncate(MAX_MAILED);
        let taken = mails.begin(&mail.job, &selected).await?;
        let reasons = Reasons::read(&self.salver, &mail.profile.recipient, &taken).await?;
        let is_wanted = |one: &Notification| waiting.cadence(one) != Cadence::Never;
        let unsubscribed = taken.notifications().filter(|one| !reasons.remain(one));
        let unsubscribed: Vec<_> = unsubscribed.map(|one| one.id()).collect();
        let rows = taken.into_rows(|one| is_wanted(one) && reasons.remain(one));
        let mailed = ids(&rows);
        if !rows.is_empty() {
            let letter = self.letter(&mail, rows, &reasons)?;
            if let Err(failure) = self.send(&mail, letter).await? {
                return Ok(failure);
            }
        }
        let ended = [mailed.clone(), unsubscribed].concat();
        let zone = time_zone(mail.profile.time_zone.as_deref());
        // An empty one counts too: another job for its period would have its id, and not be added.
        let recorded = match task {
            _ if was_sent => None,
            MailTask::IfUnread { .. } if !ended.is_empty() => {
                Some((ENDED_JOBS, waiting.with_ended(&mail.job)))
            }
            _ => task
                .period()
                .map(|(name, period, at)| (name, counted_period(period, &zone, at))),
        };
        let record = recorded
            .as_ref()
            .map(|(name, value)| (*name, value.as_str()));
        self.record(&mails, &mail, &ended, record).await?;
        if task.period().is_some() && !was_sent && !mailed.is_empty() {
            record_digest(self.salver.shared_app(), now);
        }
        match task {
            MailTask::AtOnce { .. } => {}
            #[cfg(feature = "events")]
            MailTask::Activation { .. } => {}
            // Those that wait have jobs of their own, unless this mail has left them.
            MailTask::IfUnread { .. } if ended.is_empty() && !was_sent => {}
            MailTask::IfUnread { .. } | MailTask::Digest { .. } => {
                // Read again: a job for what came meanwhile would have had the id of this one.
                let waiting = mails.waiting(None).await?;
                self.continue_with(&mail, task, &waiting, now).await?;
            }
        }
        Ok(Outcome::Done)
    }

    /// Records what was mailed, or is not wanted any more. While the store does not accept it, this tries again until the timeout of the
    /// attempt: without the record the mail would be sent again.
    async fn record(
        &self,
        mails: &Mails,
        mail: &Mail<'_>,
        ended: &[MessageId],
        period: Option<(&str, &str)>,
    ) -> Result<(), Error> {
        let recipient = &mail.profile.recipient;
        let record = async || {
            if recipient.address().is_some() && !ended.is_empty() {
                // An address has no page: what was mailed leaves its inbox.
                let filter = InboxFilter::all().ids(ended.iter().copied());
                self.salver.inbox(recipient).retract(&filter).await?;
            }
            mails.end(&mail.job, period).await
        };
        let mut backoff = RECORD_BACKOFF;
        loop {
            match record().await {
                Err(error) if is_temporary(&error) => sleep(backoff.next_jittered()).await,
                recorded => return recorded,
            }
        }
    }

    /// Adds the job for what still waits, for example since a mail has at most [`MAX_MAILED`] notifications.
    async fn continue_with(
        &self,
        mail: &Mail<'_>,
        task: &MailTask,
        waiting: &Waiting,
        now: u64,
    ) -> Result<(), Error> {
        match task {
            MailTask::Digest { cadence, .. } => {
                self.planner
                    .plan(*cadence, mail.profile, waiting, now)
                    .await
            }
            MailTask::IfUnread { .. } => match selected(task, waiting, now).is_empty() {
                true => Ok(()),
                false => {
                    let recipient = &mail.profile.recipient;
                    enqueue_rest(&self.salver, recipient, &mail.job).await
                }
            },
            MailTask::AtOnce { .. } => Ok(()),
            #[cfg(feature = "events")]
            MailTask::Activation { .. } => Ok(()),
        }
    }
}

/// Returns whether a call may succeed when the store works again.
fn is_temporary(error: &Error) -> bool {
    error.is_unavailable() || error.is_in_doubt() || error.is_full()
}

fn ids(rows: &[InboxRow]) -> Vec<MessageId> {
    let notifications = rows.iter().flat_map(InboxRow::notifications);
    notifications.map(|one| one.id()).collect()
}

/// Returns those that wait for the mail of a task. Those that are mailed if they are unread wait until one of them has been
/// for as long: the one of this job may have been read.
fn selected(task: &MailTask, waiting: &Waiting, now: u64) -> Vec<MessageId> {
    let is_due = waiting.unread_due().is_some_and(|due| due <= now);
    let is_selected = |one: &&Notification| match waiting.cadence(one) {
        Cadence::IfUnread(_) if !is_due => false,
        cadence => task.selects(one, cadence),
    };
    let selected = waiting.notifications.iter().filter(is_selected);
    selected.map(|one| one.id()).collect()
}
