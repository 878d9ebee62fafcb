//! The mail of one notification.

use futures_util::future::{BoxFuture, FutureExt};

use crate::inbox::MailTask;
use crate::jobs::{Handler, MAIL_QUEUE, Outcome, StoredJob, Worker};
use crate::mail::letter::Letter;
use crate::mail::mailer::Mailer;
use crate::{Error, Inbox, InboxFilter, Notification, Recipient, Salver};

impl Worker {
    /// Mails notifications.
    ///
    /// A recipient that is an [address](crate::Recipient::email) gets a mail for each notification. What was
    /// mailed leaves the inbox: an address has no page.
    ///
    /// A mail is sent at least once: if the worker is killed between the acceptance of the mail server and the
    /// record of it, the mail is sent again, with the same `Message-ID`.
    #[must_use]
    pub fn mail(self, mailer: Mailer) -> Self {
        let salver = self.salver().clone();
        self.handler(std::sync::Arc::new(MailHandler { salver, mailer }))
    }
}

struct MailHandler {
    salver: Salver,
    mailer: Mailer,
}

impl Handler for MailHandler {
    fn queue(&self) -> &'static str {
        MAIL_QUEUE
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
        let Some(address) = recipient.address() else {
            return Ok(Outcome::Done);
        };
        let inbox = self.salver.inbox(&recipient);
        let filter = InboxFilter::unread().ids([task.notification]).ungrouped();
        // It may have been retracted since, or the recipient erased.
        if let Some(notification) = first(&inbox, &filter).await? {
            self.mailer.send(letter(job, address, &notification));
            inbox.retract(&filter).await?;
        }
        Ok(Outcome::Done)
    }
}

async fn first(inbox: &Inbox, filter: &InboxFilter) -> Result<Option<Notification>, Error> {
    let page = inbox.list(filter, None).await?;
    Ok(page.rows.into_iter().next().map(|row| row.newest))
}

fn letter(job: &StoredJob, address: &str, notification: &Notification) -> Letter {
    let subject = notification.get_title().unwrap_or(notification.text());
    Letter {
        to: address.to_owned(),
        subject: subject.lines().next().unwrap_or_default().to_owned(),
        text: notification.text().to_owned(),
        id: job.id.to_string(),
    }
}
