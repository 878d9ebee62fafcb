//! Who of the recipients of a step is notified of an event, and of what.

use std::collections::{BTreeSet, HashMap};

use crate::digest::digest;
use crate::events::event::Event;
use crate::events::limits::{CLOCK_TOLERANCE, MAX_NAMED_SUBSCRIPTIONS};
use crate::events::matched::{self, Matched};
use crate::events::pattern::Pattern;
use crate::events::people::People;
use crate::events::renderers::{Match, Render};
use crate::events::step_error::StepError;
use crate::events::stored::StoredSubscription;
use crate::inbox::{EncodedNotification, MailJob, Sender};
use crate::jobs::Outcome;
use crate::store::millis;
use crate::{Error, MessageId, Notification, Recipient, Salver};

/// Notifies the recipients of one step of a fan-out.
pub(super) struct Notifier<'a> {
    pub(super) salver: &'a Salver,
    pub(super) sender: &'a Sender,
    pub(super) renderer: Option<&'a Render>,
    pub(super) event: &'a Event,
    /// When the event was accepted, by the store.
    pub(super) accepted: u64,
    /// The time of the notifications.
    pub(super) time: u64,
    /// All patterns by which subscriptions may match.
    pub(super) patterns: &'a [Pattern],
    pub(super) people: &'a People,
}

impl Notifier<'_> {
    /// Returns those of some recipients, who are in the index for some patterns, who are notified, each with the subscriptions
    /// for which. One that is excluded is not; of an address and its user, only the user is.
    pub(super) async fn matched(
        &self,
        recipients: Vec<(Recipient, Vec<Pattern>)>,
    ) -> Result<Vec<(Recipient, Vec<Matched>)>, Error> {
        let asked = recipients.iter();
        let asked: Vec<_> = asked
            .map(|(recipient, of)| (recipient, of.as_slice()))
            .collect();
        let matched = self.active_of(&asked, true).await?;
        let recipients = recipients.into_iter().map(|(recipient, _)| recipient);
        let mut notified: Vec<_> = recipients.zip(matched).collect();
        notified.retain(|(recipient, matched)| {
            !matched.is_empty() && !self.people.excluded.contains(recipient)
        });
        let mut users = self.users_of(&notified).await?;
        let in_place = notified.into_iter().filter_map(|(recipient, matched)| {
            let Some(user) = self.people.users.get(&recipient) else {
                return Some((recipient, matched));
            };
            if self.people.excluded.contains(user) {
                return None;
            }
            let Some(of_user) = users.get_mut(user) else {
                return Some((recipient, matched));
            };
            // Most were notified among the users: this one has the same id. One who subscribed since was not. Of several
            // addresses of one user, the first leads to the user.
            let of_user = std::mem::take(of_user);
            (!of_user.is_empty()).then(|| (user.clone(), of_user))
        });
        Ok(in_place.collect())
    }

    /// Returns those users of addresses who have subscribed too, each with the subscriptions that match.
    async fn users_of(
        &self,
        addresses: &[(Recipient, Vec<Matched>)],
    ) -> Result<HashMap<&Recipient, Vec<Matched>>, Error> {
        let users = addresses.iter();
        let users = users.filter_map(|(address, _)| self.people.users.get(address));
        let users: BTreeSet<_> = users.collect();
        let asked = users.iter().map(|user| (*user, self.patterns));
        let matched = self.active_of(&asked.collect::<Vec<_>>(), false).await?;
        let matched = users.into_iter().zip(matched);
        Ok(matched.filter(|(_, matched)| !matched.is_empty()).collect())
    }

    /// Notifies a recipient. Returns the job of the mail.
    pub(super) async fn notify(
        &self,
        recipient: Recipient,
        matched: Vec<Matched>,
    ) -> Result<Option<MailJob>, StepError> {
        let ids = matched.iter().map(|(id, _)| id.clone());
        let ids: Vec<_> = ids.take(MAX_NAMED_SUBSCRIPTIONS).collect();
        let subscriptions = matched
            .into_iter()
            .map(|(_, stored)| stored.into_subscription());
        let matched = Match::new(recipient.clone(), subscriptions.collect());
        let rendered = self.render(matched).await?;
        let about = (
            self.event.get_id(),
            self.event.event_type(),
            self.event.get_subject(),
        );
        let notification = rendered.for_event(self.id("event", &[]), about, ids);
        let encoded = EncodedNotification::new(&notification)?;
        let id = self.id("notification", &[recipient.as_str()]);
        Ok(self.sender.add(&encoded, &recipient, id).await?)
    }

    /// Returns for each recipient the active subscriptions that count for the event. `cleans`: as for
    /// [`active_of`](matched::active_of).
    async fn active_of(
        &self,
        asked: &[(&Recipient, &[Pattern])],
        cleans: bool,
    ) -> Result<Vec<Vec<Matched>>, Error> {
        let mut found = matched::active_of(self.salver, asked, cleans).await?;
        for of_recipient in &mut found {
            of_recipient.retain(|(_, stored)| !self.is_younger(stored));
        }
        Ok(found)
    }

    /// Returns whether a subscription is younger than the event.
    fn is_younger(&self, stored: &StoredSubscription) -> bool {
        stored.at > self.accepted + millis(CLOCK_TOLERANCE)
    }

    async fn render(&self, matched: Match) -> Result<Notification, Outcome> {
        if let Some(render) = self.renderer {
            let rendered = render(self.event.clone(), matched).await;
            return rendered.map_err(|error| Outcome::Failed(format!("renderer: {error}")));
        }
        let message = self.event.message.clone();
        let message =
            message.ok_or_else(|| Outcome::Dead("the event has no message".to_owned()))?;
        Ok(message.into())
    }

    /// Derives an id from the event: the same in each attempt.
    fn id(&self, name: &str, more: &[&str]) -> MessageId {
        let source = self.event.get_source().unwrap_or_default();
        let mut fields = vec![self.salver.app(), source, self.event.get_id()];
        fields.extend(more);
        MessageId::from_digest(self.time, digest(name, &fields))
    }
}
