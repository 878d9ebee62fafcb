//! The mail of one notification.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};

use crate::inbox::{InboxRow, MailTask};
use crate::jobs::{Handler, MAIL_QUEUE, Outcome, StoredJob, Worker};
use crate::mail::body::Content;
use crate::mail::letter::Letter;
use crate::mail::mailer::Mailer;
use crate::mail::profile::Profile;
use crate::mail::profiles::Profiles;
use crate::mail::smtp::Failure;
use crate::site::Site;
use crate::{Error, Inbox, InboxFilter, Recipient, Salver};

impl Worker {
    /// Mails notifications. Needs [`SalverBuilder::site`](crate::SalverBuilder::site), for the links.
    ///
    /// A recipient that is an [address](crate::Recipient::email) gets a mail for each notification. What was
    /// mailed leaves the inbox: an address has no page.
    ///
    /// A mail is sent at least once: if the worker is killed between the acceptance of the mail server and the
    /// record of it, the mail is sent again, with the same `Message-ID`.
    #[must_use]
    pub fn mail(self, mailer: Mailer) -> Self {
        let (salver, profiles) = (self.salver().clone(), self.extensions().get());
        self.handler(Arc::new(MailHandler {
            salver,
            mailer,
            profiles,
        }))
    }
}

struct MailHandler {
    salver: Salver,
    mailer: Mailer,
    profiles: Arc<Profiles>,
}

impl Handler for MailHandler {
    fn queue(&self) -> &'static str {
        MAIL_QUEUE
    }

    fn validate(&self) -> Result<(), Error> {
        self.site()?;
        self.mailer.validate()
    }

    fn attempt<'a>(&'a self, job: &'a StoredJob) -> BoxFuture<'a, Outcome> {
        async move {
            let outcome = self.deliver(job).await;
            outcome.unwrap_or_else(|error| match error.is_unavailable() {
                true => Outcome::Unavailable(error.to_string()),
                false => Outcome::Failed(error.to_string()),
            })
        }
        .boxed()
    }
}

impl MailHandler {
    async fn deliver(&self, job: &StoredJob) -> Result<Outcome, Error> {
        let task: Result<MailTask, _> = serde_json::from_value(job.record.task.clone());
        let recipient = task
            .as_ref()
            .map(|task| task.recipient.parse::<Recipient>());
        let (Ok(task), Ok(Ok(recipient))) = (&task, recipient) else {
            return Ok(Outcome::Dead("the job cannot be read".to_owned()));
        };
        let profile = match self.profile(&recipient).await {
            Ok(profile) => profile,
            Err(error) => return Ok(Outcome::Failed(format!("profiles: {error}"))),
        };
        let Some(address) = profile.email.as_deref() else {
            return Ok(Outcome::Done);
        };
        let inbox = self.salver.inbox(&recipient);
        let filter = InboxFilter::unread().ids([task.notification]).ungrouped();
        // It may have been read or retracted since, or the recipient erased.
        let Some(row) = first(&inbox, &filter).await? else {
            return Ok(Outcome::Done);
        };
        let letter = self.letter(job, address, &profile, row)?;
        if let Err(failure) = self.mailer.send(letter).await {
            return Ok(outcome(failure));
        }
        if recipient.address().is_some() {
            inbox.retract(&filter).await?;
        }
        Ok(Outcome::Done)
    }

    /// Returns the profile of a recipient. That of an address is the address.
    async fn profile(&self, recipient: &Recipient) -> Result<Profile, String> {
        if let Some(address) = recipient.address() {
            return Ok(Profile::new(recipient.clone()).email(address));
        }
        let profile = self.profiles.get(recipient).await?;
        Ok(profile.unwrap_or_else(|| Profile::new(recipient.clone())))
    }

    fn letter(
        &self,
        job: &StoredJob,
        address: &str,
        profile: &Profile,
        row: InboxRow,
    ) -> Result<Letter, Error> {
        let rows = vec![row];
        let content = Content {
            rows: &rows,
            words: &self.mailer.words(profile.locale.as_deref()),
            site: &self.site()?,
            address,
        };
        let body = content.body();
        Ok(Letter {
            id: job.id.to_string(),
            to: address.to_owned(),
            name: profile.name.clone(),
            locale: profile.locale.clone(),
            subject: body.subject,
            text: body.text,
            html: body.html,
            rows,
        })
    }

    /// # Errors
    ///
    /// `is_misconfigured` without an address of the site.
    fn site(&self) -> Result<Site, Error> {
        let site = self.salver.config().site.as_deref().ok_or_else(|| {
            Error::misconfigured("mails need the address of the site: call `SalverBuilder::site`")
        })?;
        Site::new(site)
    }
}

async fn first(inbox: &Inbox, filter: &InboxFilter) -> Result<Option<InboxRow>, Error> {
    let page = inbox.list(filter, None).await?;
    Ok(page.rows.into_iter().next())
}

fn outcome(failure: Failure) -> Outcome {
    match failure {
        Failure::Unavailable(reason) => Outcome::Unavailable(reason),
        Failure::Temporary(reason) => Outcome::Failed(reason),
        Failure::Rejected { reason, .. } => Outcome::Dead(reason),
    }
}
