//! The jobs of mails: what `notify` adds, and the handlers of workers read.

use serde::{Deserialize, Serialize};

use crate::cadence::Cadence;
use crate::inbox::store::{AddOutcome, AddReply};
use crate::jobs::{self, JobId, MAIL_QUEUE, NewJob, PLAN_QUEUE, Record};
use crate::mail_settings::MailSettings;
use crate::store::millis;
use crate::{Error, MessageId, Notification, Recipient, Salver};

/// Changes of a preference within this time, in milliseconds, add one job.
const CHANGE_PERIOD_MS: u64 = 5_000;

/// The task of a job that sends a mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "kebab-case")]
pub(crate) enum MailTask {
    /// Mails one notification.
    AtOnce {
        recipient: Recipient,
        notification: MessageId,
    },
    /// Mails the link that activates a subscription.
    #[cfg(feature = "events")]
    Activation {
        recipient: Recipient,
        subscription: String,
        /// Since when the subscription awaits its activation, in Unix milliseconds.
        at: u64,
    },
    /// Mails all that are unread and wait for a mail at once or in a while.
    IfUnread { recipient: Recipient },
    /// Mails all that are unread and wait for such a digest.
    Digest {
        recipient: Recipient,
        cadence: Cadence,
        /// The local date or the hour of the digest.
        period: String,
        /// When it was planned to be sent, in Unix milliseconds.
        at: u64,
    },
}

/// The task of a job that decides when a digest is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlanTask {
    pub(crate) recipient: Recipient,
    pub(crate) cadence: Cadence,
}

impl MailTask {
    pub(crate) fn recipient(&self) -> &Recipient {
        match self {
            Self::AtOnce { recipient, .. }
            | Self::IfUnread { recipient }
            | Self::Digest { recipient, .. } => recipient,
            #[cfg(feature = "events")]
            Self::Activation { recipient, .. } => recipient,
        }
    }

    /// Returns the notification that is mailed alone.
    pub(crate) fn only(&self) -> Option<MessageId> {
        match self {
            Self::AtOnce { notification, .. } => Some(*notification),
            Self::IfUnread { .. } | Self::Digest { .. } => None,
            #[cfg(feature = "events")]
            Self::Activation { .. } => None,
        }
    }

    /// Returns whether the mail has a notification whose recipient is mailed about it so often.
    pub(crate) fn selects(&self, one: &Notification, preferred: Cadence) -> bool {
        match self {
            Self::AtOnce { notification, .. } => {
                one.id() == *notification && preferred == Cadence::AtOnce
            }
            Self::IfUnread { .. } => matches!(preferred, Cadence::AtOnce | Cadence::IfUnread(_)),
            Self::Digest { cadence, .. } => preferred.is_like(*cadence),
            #[cfg(feature = "events")]
            Self::Activation { .. } => false,
        }
    }

    /// Returns the name of a digest, the local date or the hour for which it is sent, and when it was planned to be
    /// sent.
    pub(crate) fn period(&self) -> Option<(&'static str, &str, u64)> {
        match self {
            Self::AtOnce { .. } | Self::IfUnread { .. } => None,
            #[cfg(feature = "events")]
            Self::Activation { .. } => None,
            Self::Digest {
                cadence,
                period,
                at,
                ..
            } => Some((cadence.name(), period, *at)),
        }
    }
}

/// A job of a mail, for the queue of its kind.
#[derive(Clone, Debug)]
pub(crate) struct MailJob {
    pub(crate) queue: &'static str,
    pub(crate) job: NewJob,
}

impl MailJob {
    fn new(
        queue: &'static str,
        id: JobId,
        time: u64,
        task: &impl Serialize,
    ) -> Result<Self, Error> {
        let task = serde_json::to_value(task).map_err(|cause| {
            Error::invalid("job", "cannot be written as JSON").with_source(cause)
        })?;
        let record = Record::new(task);
        let job = NewJob { id, time, record };
        Ok(Self { queue, job })
    }

    /// Adds the job, once.
    ///
    /// # Errors
    ///
    /// Those of the store; `is_full` for a full queue.
    pub(crate) async fn enqueue(self, salver: &Salver) -> Result<(), Error> {
        jobs::enqueue(salver, self.queue, vec![self.job]).await
    }
}

/// Returns the job that mails a notification, one for each notification and recipient; `None` if it is not mailed.
///
/// # Errors
///
/// `is_invalid` for a recipient that cannot be written as JSON.
pub(in crate::inbox) fn job_after_add(
    settings: &MailSettings,
    (recipient, notification): (&Recipient, MessageId),
    reply: &AddReply,
) -> Result<Option<MailJob>, Error> {
    if !settings.is_enabled() || !reply.outcome.needs_mail() {
        return Ok(None);
    }
    // An unknown cadence, of another version, counts as never.
    let cadence = reply.cadence.parse().unwrap_or_default();
    let recipient = recipient.clone();
    let job = match cadence {
        Cadence::Never => return Ok(None),
        Cadence::AtOnce => {
            let task = MailTask::AtOnce {
                recipient,
                notification,
            };
            MailJob::new(MAIL_QUEUE, delivery_id(notification), 0, &task)
        }
        Cadence::IfUnread(time) => {
            // A repeat does not know the time of the add. Its job may come too early, and adds another.
            let added = match reply.outcome {
                AddOutcome::Added { position, .. } => position,
                _ => notification.unix_ms(),
            };
            let due = added + millis(time);
            let task = MailTask::IfUnread { recipient };
            MailJob::new(MAIL_QUEUE, delivery_id(notification), due, &task)
        }
        Cadence::Hourly | Cadence::Daily { .. } | Cadence::Weekly { .. } => {
            let id = JobId::derive(PLAN_QUEUE, &[&notification.to_string()]);
            MailJob::new(PLAN_QUEUE, id, 0, &PlanTask { recipient, cadence })
        }
    };
    job.map(Some)
}

fn delivery_id(notification: MessageId) -> JobId {
    JobId::derive("delivery", &[&notification.to_string(), MAIL_QUEUE, ""])
}

/// Adds the job that mails what waits already, when the recipient has chosen another cadence.
///
/// # Errors
///
/// As [`MailJob::enqueue`].
pub(super) async fn enqueue_waiting(
    salver: &Salver,
    (recipient, kind): (&Recipient, &str),
    cadence: Cadence,
) -> Result<(), Error> {
    let now = MessageId::new();
    // One for all changes of a few seconds, so that they do not fill the queue. A job that is performed at once is one
    // of its kind: it does not know of a later change.
    let kind = match cadence {
        Cadence::IfUnread(_) => "",
        _ => kind,
    };
    let seconds = (now.unix_ms() / CHANGE_PERIOD_MS).to_string();
    let cadence_text = cadence.to_string();
    let fields = [recipient.as_str(), kind, &cadence_text, &seconds];
    let id = JobId::derive("changed", &fields);
    let recipient = recipient.clone();
    let time = match cadence {
        Cadence::Never => return Ok(()),
        Cadence::IfUnread(time) => now.unix_ms() + millis(time),
        Cadence::AtOnce => 0,
        Cadence::Hourly | Cadence::Daily { .. } | Cadence::Weekly { .. } => {
            return enqueue(salver, PLAN_QUEUE, id, 0, &PlanTask { recipient, cadence }).await;
        }
    };
    enqueue(
        salver,
        MAIL_QUEUE,
        id,
        time,
        &MailTask::IfUnread { recipient },
    )
    .await
}

/// Adds the job that mails what a job has left, since it was too much for one mail.
///
/// # Errors
///
/// As [`MailJob::enqueue`].
pub(crate) async fn enqueue_rest(
    salver: &Salver,
    recipient: &Recipient,
    before: &str,
) -> Result<(), Error> {
    let recipient = recipient.clone();
    let id = JobId::derive("rest", &[before]);
    enqueue(salver, MAIL_QUEUE, id, 0, &MailTask::IfUnread { recipient }).await
}

/// Adds the job that mails what is unread then. `due`: when, in Unix milliseconds.
///
/// # Errors
///
/// As [`MailJob::enqueue`].
pub(crate) async fn enqueue_unread(
    salver: &Salver,
    recipient: &Recipient,
    due: u64,
) -> Result<(), Error> {
    let recipient = recipient.clone();
    let id = JobId::derive("unread", &[recipient.as_str(), &due.to_string()]);
    enqueue(
        salver,
        MAIL_QUEUE,
        id,
        due,
        &MailTask::IfUnread { recipient },
    )
    .await
}

/// Adds the job that mails the link which activates a subscription.
///
/// # Errors
///
/// As [`MailJob::enqueue`].
#[cfg(feature = "events")]
pub(crate) async fn enqueue_activation(
    salver: &Salver,
    recipient: &Recipient,
    subscription: String,
    at: u64,
) -> Result<(), Error> {
    // Each request is a mail of its own.
    let request = MessageId::new().to_string();
    let id = JobId::derive("activation", &[recipient.as_str(), &subscription, &request]);
    let task = MailTask::Activation {
        recipient: recipient.clone(),
        subscription,
        at,
    };
    enqueue(salver, MAIL_QUEUE, id, 0, &task).await
}

/// Adds the job that sends a digest, once for each period. `time`: when, in Unix milliseconds.
///
/// # Errors
///
/// As [`MailJob::enqueue`].
pub(crate) async fn enqueue_digest(
    salver: &Salver,
    recipient: &Recipient,
    cadence: Cadence,
    (time, period): (u64, String),
) -> Result<(), Error> {
    let name = cadence.name();
    let id = JobId::derive("digest", &[salver.app(), recipient.as_str(), name, &period]);
    let task = MailTask::Digest {
        recipient: recipient.clone(),
        cadence,
        period,
        at: time,
    };
    enqueue(salver, MAIL_QUEUE, id, time, &task).await
}

async fn enqueue(
    salver: &Salver,
    queue: &'static str,
    id: JobId,
    time: u64,
    task: &impl Serialize,
) -> Result<(), Error> {
    MailJob::new(queue, id, time, task)?.enqueue(salver).await
}
