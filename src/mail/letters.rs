//! The letters of the jobs, and what becomes of them.

use crate::Error;
use crate::inbox::InboxRow;
use crate::jobs::{Outcome, Profile};
use crate::mail::body::Content;
use crate::mail::handler::{Mail, MailHandler};
use crate::mail::letter::Letter;
use crate::mail::reasons::Reasons;
use crate::mail::smtp::Failure;
use crate::mail::unsubscribe::{PATH, Unsubscribe};
use crate::site::Site;

impl MailHandler {
    /// Sends a letter. Returns the outcome of one that was not sent.
    pub(super) async fn send(
        &self,
        mail: &Mail<'_>,
        letter: Letter,
    ) -> Result<Result<(), Outcome>, Error> {
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

    /// Returns the letter about some rows of the inbox.
    pub(super) fn letter(
        &self,
        mail: &Mail<'_>,
        rows: Vec<InboxRow>,
        reasons: &Reasons,
    ) -> Result<Letter, Error> {
        let Profile {
            recipient,
            name,
            locale,
            ..
        } = mail.profile;
        let site = self.site()?;
        let words = self.mailer.words(locale.as_deref());
        let ended = match recipient.address() {
            Some(_) => reasons.ids(&rows),
            None => Vec::new(),
        };
        let settings = &self.salver.config().mail;
        let to = (recipient, mail.address);
        let unsubscribe = Unsubscribe::new(settings, to, &rows, &ended);
        let token = unsubscribe.and_then(|unsubscribe| unsubscribe.token(&self.salver));
        let unsubscribe_url = token.map(|token| site.link(&format!("{PATH}/{token}")));
        let subscriptions = reasons.names(&rows, &words);
        let content = Content {
            rows: &rows,
            words: &words,
            site: &site,
            address: mail.address,
            subscriptions: &subscriptions,
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
            subscriptions,
            unsubscribe_url,
            activation_url: None,
            rows,
        })
    }

    /// # Errors
    ///
    /// `is_misconfigured` without an address of the site.
    pub(super) fn site(&self) -> Result<Site, Error> {
        let site = self.salver.config().mail.site.as_deref().ok_or_else(|| {
            Error::misconfigured("mails need the address of the site: call `SalverBuilder::site`")
        })?;
        Site::new(site)
    }
}
