//! Mails the link that activates a subscription of an address.

use crate::Error;
use crate::events::Requested;
use crate::jobs::Outcome;
use crate::mail::activation::{Activation, PATH};
use crate::mail::body::ActivationContent;
use crate::mail::handler::{Mail, MailHandler};
use crate::mail::letter::Letter;

impl MailHandler {
    /// Mails the link, unless the subscription does not await it any more. `now`: the time of the store.
    pub(super) async fn send_activation(
        &self,
        mail: &Mail<'_>,
        activation: &Activation,
        now: u64,
    ) -> Result<Outcome, Error> {
        let request = activation.request();
        let subscription = match request.find(&self.salver).await? {
            Requested::Pending(subscription) if !request.is_expired(now) => subscription,
            _ => return Ok(Outcome::Done),
        };
        let Some(token) = activation.token(&self.salver) else {
            return Ok(Outcome::Done);
        };
        let site = self.site()?;
        let url = site.link(&format!("{PATH}/{token}"));
        let words = self.mailer.words(mail.profile.locale.as_deref());
        let subscription = words.subscription(&subscription);
        let content = ActivationContent {
            words: &words,
            site: &site,
            address: mail.address,
            subscription: &subscription,
            url: &url,
        };
        let body = content.body();
        let letter = Letter {
            id: mail.job.clone(),
            to: mail.address.to_owned(),
            name: mail.profile.name.clone(),
            locale: mail.profile.locale.clone(),
            subject: body.subject,
            text: body.text,
            html: body.html,
            subscriptions: vec![subscription],
            unsubscribe_url: None,
            activation_url: Some(url),
            rows: Vec::new(),
        };
        let sent = self.send(mail, letter).await?;
        Ok(sent.err().unwrap_or(Outcome::Done))
    }
}
