//! Notifies one recipient of an event.

use crate::digest::digest;
use crate::events::event::Event;
use crate::events::limits::{CLOCK_TOLERANCE, MAX_NAMED_SUBSCRIPTIONS};
use crate::events::pattern::Pattern;
use crate::events::people::People;
use crate::events::registry::Registry;
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

/// A subscription that matches, with its id.
pub(super) type Matched = (String, StoredSubscription);

impl Notifier<'_> {
    /// Returns the subscriptions for which a recipient, who is in the index for some patterns, is notified. None for one that
    /// is excluded, and for an address whose user is notified.
    pub(super) async fn subscriptions(
        &self,
        recipient: &Recipient,
        patterns: &[Pattern],
    ) -> Result<Vec<Matched>, Error> {
        let matched = self.matched(recipient, patterns, true).await?;
        if matched.is_empty() || self.people.excluded.contains(recipient) {
            return Ok(Vec::new());
        }
        if let Some(user) = self.people.users.get(recipient)
            && (self.people.excluded.contains(user)
                || !self.matched(user, self.patterns, false).await?.is_empty())
        {
            return Ok(Vec::new());
        }
        Ok(matched)
    }

    /// Notifies a recipient. Returns the job of the mail.
    pub(super) async fn notify(
        &self,
        recipient: &Recipient,
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
        Ok(self.sender.add(&encoded, recipient, id).await?)
    }

    /// Returns the subscriptions of a recipient that match and count for the event. `cleans`: as for
    /// [`active_of`](Registry::active_of).
    async fn matched(
        &self,
        recipient: &Recipient,
        patterns: &[Pattern],
        cleans: bool,
    ) -> Result<Vec<Matched>, Error> {
        let registry = Registry::new(self.salver, recipient)?;
        let mut found = registry.active_of(patterns, cleans).await?;
        found.retain(|(_, stored)| !self.is_younger(stored));
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
