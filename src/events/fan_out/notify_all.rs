//! Notifies the recipients of one step of a fan-out.

use std::pin::pin;

use futures_util::future::FutureExt;
use futures_util::stream::{self, FuturesUnordered, StreamExt, TryChunksError, TryStreamExt};

use crate::events::fan_out::notifier::Notifier;
use crate::events::fan_out::step_error::StepError;
use crate::events::pattern::Pattern;
use crate::inbox::MailJob;
use crate::{Error, Recipient};

/// Notifications that are added at the same time. More would delay the calls of pages.
const MAX_CONCURRENT_ADDS: usize = 24;
/// Notifications that are sent together. With a single group the server would wait while the worker renders the next one.
const ADDS_PER_GROUP: usize = 4;
/// Recipients whose subscriptions are read in one call. More would delay the calls of pages.
const RECIPIENTS_PER_READ: usize = 50;
/// Such calls at the same time: one whose reply is decoded while the server runs the other.
const MAX_CONCURRENT_READS: usize = 2;

/// Notifies recipients: subscriptions are read while notifications are added.
pub(super) async fn notify_all(
    notifier: &Notifier<'_>,
    recipients: Vec<(Recipient, Vec<Pattern>)>,
) -> Result<Notified, StepError> {
    let parts: Vec<_> = recipients
        .chunks(RECIPIENTS_PER_READ)
        .map(<[_]>::to_vec)
        .collect();
    let matched = stream::iter(parts)
        .map(|part| notifier.matched(part))
        .buffered(MAX_CONCURRENT_READS)
        .map_ok(|matched| stream::iter(matched.into_iter().map(Ok::<_, StepError>)))
        .try_flatten();
    let adding = matched.map_ok(|addressee| async move {
        let notified = notifier.notify(addressee.recipient, addressee.matched);
        (addressee.indexed, notified.await)
    });
    let groups = adding
        .try_chunks(ADDS_PER_GROUP)
        .map_err(|TryChunksError(_, error)| error);
    let (mut groups, mut running) = (pin!(groups), FuturesUnordered::new());
    let mut notified = Notified::default();
    while let Some(group) = groups.try_next().await? {
        running.extend(group);
        while let Some(Some(outcome)) = running.next().now_or_never() {
            notified.add(outcome)?;
        }
        // Lets the connection send them: the server runs them while the next group is rendered.
        tokio::task::yield_now().await;
        while running.len() > MAX_CONCURRENT_ADDS - ADDS_PER_GROUP
            && let Some(outcome) = running.next().await
        {
            notified.add(outcome)?;
        }
    }
    while let Some(outcome) = running.next().await {
        notified.add(outcome)?;
    }
    Ok(notified)
}

/// What one step has done.
#[derive(Default)]
pub(super) struct Notified {
    pub(super) mails: Vec<MailJob>,
    /// The recipients in the index who were not notified, and why.
    pub(super) failures: Vec<(Recipient, StepError)>,
}

impl Notified {
    /// Adds what was done for one recipient. One whose rendering fails does not hold up the others.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn add(
        &mut self,
        (recipient, outcome): (Recipient, Result<Option<MailJob>, StepError>),
    ) -> Result<(), Error> {
        match outcome {
            Ok(mail) => self.mails.extend(mail),
            Err(StepError::Store(error)) => return Err(error),
            Err(failure) => self.failures.push((recipient, failure)),
        }
        Ok(())
    }
}
