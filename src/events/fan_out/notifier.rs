//! Who of the recipients of a step is notified of an event, and of what.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::panic::AssertUnwindSafe;

use futures_util::future::FutureExt;

use crate::digest::digest;
use crate::events::event::Event;
use crate::events::fan_out::matched::{self, Matched};
use crate::events::fan_out::people::People;
use crate::events::fan_out::renderers::{Match, Render};
use crate::events::fan_out::step_error::StepError;
use crate::events::limits::{CLOCK_TOLERANCE, EVENT_TTL, MAX_NAMED_SUBSCRIPTIONS};
use crate::events::pattern::Pattern;
use crate::events::registry::Registry;
use crate::events::store::IndexKey;
use crate::events::stored::StoredSubscription;
use crate::events::subscription::subscription_id;
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

/// A recipient in the index whose subscriptions match.
struct Found {
    recipient: Recipient,
    matched: Vec<Matched>,
    /// Who is notified in place of the recipient, if they are subscribed too.
    user: Option<Recipient>,
    /// Whether the subscriptions are, or become, those of the user.
    is_merged: bool,
}

/// A recipient who is notified.
pub(super) struct Addressee {
    /// Under whom they are in the index.
    pub(super) indexed: Recipient,
    pub(super) recipient: Recipient,
    pub(super) matched: Vec<Matched>,
}

impl Notifier<'_> {
    /// Returns those of some recipients, who are in the index for some patterns, who are notified, each with the subscriptions
    /// for which. One that is excluded is not; of an address and its user, only the user is.
    pub(super) async fn matched(
        &self,
        recipients: Vec<(Recipient, Vec<Pattern>)>,
    ) -> Result<Vec<Addressee>, Error> {
        let asked = recipients.iter();
        let asked: Vec<_> = asked
            .map(|(recipient, of)| (recipient, of.as_slice()))
            .collect();
        let matched = self.active_of(&asked, true).await?;
        let mut found = Vec::new();
        for ((recipient, _), matched) in recipients.into_iter().zip(matched) {
            let of_recipient = self.resolve(recipient, matched).await?;
            found.extend(of_recipient.filter(|of| !self.people.excluded.contains(&of.recipient)));
        }
        let mut users = self.users_of(&found).await?;
        let mut notified_for = |of: Found| {
            let Some(user) = of.user else {
                return Some((of.recipient, of.matched));
            };
            if self.people.excluded.contains(&user) {
                return None;
            }
            let matched = match users.get_mut(&user) {
                // Most were notified among the users: this one has the same id. One who subscribed since was not. Of
                // several addresses of one user, the first leads to the user.
                Some(of_user) => std::mem::take(of_user),
                None if of.is_merged => of.matched,
                None => return Some((of.recipient, of.matched)),
            };
            (!matched.is_empty()).then_some((user, matched))
        };
        let addressees = found.into_iter().filter_map(|of| {
            let indexed = of.recipient.clone();
            let (recipient, matched) = notified_for(of)?;
            Some(Addressee {
                indexed,
                recipient,
                matched,
            })
        });
        Ok(addressees.collect())
    }

    /// Returns what counts of the subscriptions of a recipient, and who is notified. `None` for a recipient without any.
    async fn resolve(
        &self,
        recipient: Recipient,
        mut matched: Vec<Matched>,
    ) -> Result<Option<Found>, Error> {
        let successor = matched.iter().find_map(|(_, stored)| stored.successor());
        let Some(successor) = successor.cloned() else {
            let user = self.people.users.get(&recipient).cloned();
            return Ok((!matched.is_empty()).then_some(Found {
                recipient,
                matched,
                user,
                is_merged: false,
            }));
        };
        for (_, stored) in matched.iter().filter(|(_, stored)| self.is_over(stored)) {
            let registry = Registry::new(self.salver, &recipient)?;
            let keys = IndexKey::all_of(&stored.fields.pattern);
            registry.clean_index(&keys).await?;
        }
        // One that is merging counts as that of the other recipient, who has it later.
        matched.retain(|(_, stored)| !stored.is_merged());
        for (id, stored) in &mut matched {
            *id = subscription_id(&successor, &stored.fields.pattern);
        }
        Ok(Some(Found {
            recipient,
            matched,
            user: Some(successor),
            is_merged: true,
        }))
    }

    /// Returns those users of addresses who have subscribed too, each with the subscriptions that match.
    async fn users_of(&self, found: &[Found]) -> Result<HashMap<Recipient, Vec<Matched>>, Error> {
        let users = found.iter().filter_map(|of| of.user.as_ref());
        let users: BTreeSet<_> = users.collect();
        let asked = users.iter().map(|user| (*user, self.patterns));
        let matched = self.active_of(&asked.collect::<Vec<_>>(), false).await?;
        let matched = users.into_iter().cloned().zip(matched);
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
        let encoded = EncodedNotification::new(&notification).map_err(renderer_failed)?;
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

    /// Returns whether a merge is so old that no fan-out can have passed the other recipient before it.
    fn is_over(&self, stored: &StoredSubscription) -> bool {
        stored.is_merged() && stored.at + millis(EVENT_TTL) < self.accepted
    }

    /// Returns whether a subscription is younger than the event.
    fn is_younger(&self, stored: &StoredSubscription) -> bool {
        !stored.is_merged() && stored.at > self.accepted + millis(CLOCK_TOLERANCE)
    }

    async fn render(&self, matched: Match) -> Result<Notification, StepError> {
        if let Some(render) = self.renderer {
            let rendering = async { render(self.event.clone(), matched).await };
            // What one recipient causes does not hold up the others.
            let rendered = AssertUnwindSafe(rendering).catch_unwind().await;
            let rendered = rendered.map_err(StepError::Panic)?;
            return rendered.map_err(|error| renderer_failed(error).into());
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

/// Returns the outcome for a recipient for whom there is no notification. The others are notified.
fn renderer_failed(error: impl fmt::Display) -> Outcome {
    Outcome::Failed(format!("renderer: {error}"))
}
