//! The handler of the jobs that send mails.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};

use crate::cadence::Cadence;
use crate::inbox::{InboxRow, MailTask, Mails, Waiting, share_settings};
use crate::jobs::{Handler, MAIL_QUEUE, Outcome, StoredJob};
use crate::mail::attempt::{outcome, task};
use crate::mail::body::Content;
use crate::mail::letter::Letter;
use crate::mail::mailer::Mailer;
use crate::mail::planner::Planner;
use crate::mail::profile::Profile;
use crate::mail::smtp::Failure;
use crate::mail::unsubscribe::{PATH, Unsubscribe};
use crate::site::Site;
use crate::{Error, InboxFilter, MessageId, Notification, Salver};

/// Most notifications of one mail. Bounds its size; the others wait for the next one.
const MAX_MAILED: usize = 200;

pub(super) struct MailHandler {
    pub(super) salver: Salver,
    pub(super) mailer: Mailer,
    pub(super) planner: Arc<Planner>,
}

/// A mail that a job sends.
struct Mail<'a> {
    job: String,
    profile: &'a Profile,
    address: &'a str,
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
        share_settings(&self.salver).boxed()
    }

    fn attempt<'a>(&'a self, job: &'a StoredJob, now: u64) -> BoxFuture<'a, Outcome> {
        self.deliver(job, now).map(outcome).boxed()
    }
}

impl MailHandler {
    async fn deliver(&self, job: &StoredJob, now: u64) -> Result<Outcome, Error> {
        let task: MailTask = match task(job) {
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
        // An address that cannot be read is refused where the mail is made.
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
        self.send_waiting(mail, &task, now).await
    }

    /// Mails what waits for such a mail and is still unread.
    async fn send_waiting(
        &self,
        mail: Mail<'_>,
        task: &MailTask,
        now: u64,
    ) -> Result<Outcome, Error> {
        let mails = Mails::new(&self.salver, &mail.profile.recipient);
        let only = match task {
            MailTask::AtOnce { notification, .. } => Some(*notification),
            MailTask::IfUnread { .. } | MailTask::Digest { .. } => None,
        };
        let mut waiting = mails.waiting(only).await?;
        let period = match task {
            MailTask::Digest {
                cadence, period, ..
            } => {
                // The recipient has moved to another time zone since.
                if waiting.last_periods.get(cadence.name()) >= Some(period) {
                    let plan = self.plan_digest(task, mail.profile, &waiting, now);
                    return plan.await.map(|()| Outcome::Done);
                }
                Some((cadence.name(), period.as_str()))
            }
            MailTask::AtOnce { .. } | MailTask::IfUnread { .. } => None,
        };
        let settings = &self.salver.config().mail;
        let recipient = &mail.profile.recipient;
        let cadence =
            |one: &Notification| waiting.preferences.cadence(settings, recipient, one.kind());
        let mut selected = selected(task, &waiting, cadence);
        let has_more = selected.len() > MAX_MAILED;
        selected.truncate(MAX_MAILED);
        let is_wanted = |one: &Notification| cadence(one) != Cadence::Never;
        let rows = mails.begin(&mail.job, &selected, is_wanted).await?;
        if rows.is_empty() {
            mails.end(&mail.job, None).await?;
            return Ok(Outcome::Done);
        }
        let ids: Vec<_> = ids(&rows);
        if let Err(failure) = self.send(&mail, rows).await? {
            return Ok(failure);
        }
        if recipient.address().is_some() {
            // An address has no page: what was mailed leaves its inbox.
            let filter = InboxFilter::all().ids(ids);
            self.salver.inbox(recipient).retract(&filter).await?;
        }
        mails.end(&mail.job, period).await?;
        if let Some((name, period)) = period.filter(|_| has_more) {
            // The others wait for the next one.
            waiting
                .last_periods
                .insert(name.to_owned(), period.to_owned());
            self.plan_digest(task, mail.profile, &waiting, now).await?;
        }
        Ok(Outcome::Done)
    }

    /// Adds the job of the digest after that of a task.
    async fn plan_digest(
        &self,
        task: &MailTask,
        profile: &Profile,
        waiting: &Waiting,
        now: u64,
    ) -> Result<(), Error> {
        match task {
            MailTask::Digest { cadence, .. } => {
                self.planner.plan(*cadence, profile, waiting, now).await
            }
            MailTask::AtOnce { .. } | MailTask::IfUnread { .. } => Ok(()),
        }
    }

    /// Returns the outcome of a mail that was not sent.
    async fn send(
        &self,
        mail: &Mail<'_>,
        rows: Vec<InboxRow>,
    ) -> Result<Result<(), Outcome>, Error> {
        let letter = self.letter(mail, rows)?;
        let outcome = match self.mailer.send(letter).await {
            Ok(()) => return Ok(Ok(())),
            Err(Failure::Unavailable(reason)) => Outcome::Unavailable(reason),
            Err(Failure::Temporary(reason)) => Outcome::Failed(reason),
            Err(Failure::Rejected {
                reason,
                is_unknown_mailbox,
            }) => {
                if is_unknown_mailbox {
                    self.salver.suppress_mail(mail.address).await?;
                }
                Outcome::Dead(reason)
            }
        };
        Ok(Err(outcome))
    }

    fn letter(&self, mail: &Mail<'_>, rows: Vec<InboxRow>) -> Result<Letter, Error> {
        let Profile {
            recipient,
            name,
            locale,
            ..
        } = mail.profile;
        let (site, settings) = (self.site()?, &self.salver.config().mail);
        let unsubscribe = Unsubscribe::new(settings, recipient, mail.address, &rows);
        let token = unsubscribe.and_then(|unsubscribe| unsubscribe.token(&self.salver));
        let unsubscribe_url = token.map(|token| site.link(&format!("{PATH}/{token}")));
        let content = Content {
            rows: &rows,
            words: &self.mailer.words(locale.as_deref()),
            site: &site,
            address: mail.address,
            unsubscribe_url: unsubscribe_url.as_deref(),
        };
        let body = content.body();
        Ok(Letter {
            id: mail.job.clone(),
            to: mail.address.to_owned(),
            name: name.clone(),
            locale: locale.clone(),
            subject: body.subject,
            text: body.text,
            html: body.html,
            unsubscribe_url,
            rows,
        })
    }

    /// # Errors
    ///
    /// `is_misconfigured` without an address of the site.
    fn site(&self) -> Result<Site, Error> {
        let site = self.salver.config().mail.site.as_deref().ok_or_else(|| {
            Error::misconfigured("mails need the address of the site: call `SalverBuilder::site`")
        })?;
        Site::new(site)
    }
}

fn ids(rows: &[InboxRow]) -> Vec<MessageId> {
    let notifications = rows.iter().flat_map(InboxRow::notifications);
    notifications.map(|one| one.id()).collect()
}

/// Returns those that wait for the mail of a task. `cadence`: that of each at present.
fn selected(
    task: &MailTask,
    waiting: &Waiting,
    cadence: impl Fn(&Notification) -> Cadence,
) -> Vec<MessageId> {
    let is_selected = |one: &&Notification| match task {
        MailTask::AtOnce { notification, .. } => {
            one.id() == *notification && cadence(one) == Cadence::AtOnce
        }
        MailTask::IfUnread { .. } => {
            matches!(cadence(one), Cadence::AtOnce | Cadence::IfUnread(_))
        }
        MailTask::Digest {
            cadence: digest, ..
        } => cadence(one).is_like(*digest),
    };
    let selected = waiting.notifications.iter().filter(is_selected);
    selected.map(|one| one.id()).collect()
}
