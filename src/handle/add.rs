//! Adding messages.

use crate::handle::salver::Salver;
use crate::store::{AddOutcome, MAX_REDIRECTS};
use crate::{Context, Error, Message, telemetry, wire};

/// What an add did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Added {
    /// How many messages were taken; those below the minimum level are not.
    pub messages: usize,
    /// How many older messages went to make room. The page says "and N more".
    pub displaced: u64,
}

impl Salver {
    /// Adds one message. One round trip.
    ///
    /// Once it returns, every later look of an eligible page of that context finds the message, until it
    /// is confirmed, retracted, replaced by its tag, expired, cleared or displaced. Follows a session that
    /// moved at a login. Adding the same message again is safe: it never makes two and ends no lease.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) before any round trip; [`is_full`](Error::is_full);
    /// [`is_closed`](Error::is_closed) after a logout; [`is_unavailable`](Error::is_unavailable): nothing
    /// was applied; [`is_in_doubt`](Error::is_in_doubt): it may have been.
    ///
    /// # Cancel safety
    ///
    /// Dropped halfway, the message may have been added, whole.
    pub async fn add(&self, context: &Context, message: Message) -> Result<Added, Error> {
        self.add_all(context, vec![message]).await
    }

    /// Adds several messages to one context, all or none. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// As [`add`](Self::add).
    pub async fn add_all(&self, context: &Context, messages: Vec<Message>) -> Result<Added, Error> {
        self.add_with_redirects(context, &messages, MAX_REDIRECTS)
            .await
    }

    /// Adds to exactly this session: an old cookie must not write into a new session.
    #[cfg(feature = "web")]
    pub(crate) async fn add_without_redirect(
        &self,
        context: &Context,
        message: Message,
    ) -> Result<Added, Error> {
        self.add_with_redirects(context, &[message], 1).await
    }

    /// Adds, trying at most so many ids of a session that moved.
    async fn add_with_redirects(
        &self,
        context: &Context,
        messages: &[Message],
        hops: usize,
    ) -> Result<Added, Error> {
        let mut context = context.clone();
        for _ in 0..hops {
            match self.try_add(&context, messages).await? {
                (AddOutcome::SessionMoved(session), _) => context = context.with_session(session),
                (AddOutcome::Added { displaced }, messages) => {
                    return Ok(Added {
                        messages,
                        displaced,
                    });
                }
            }
        }
        Err(Error::closed().with_operation("add"))
    }

    async fn try_add(
        &self,
        context: &Context,
        messages: &[Message],
    ) -> Result<(AddOutcome, usize), Error> {
        let config = self.config();
        for message in messages {
            // Encoding is the one check of the size of the whole; it costs less than a round trip.
            wire::encode(message).map_err(|error| error.with_operation("add"))?;
            // When its time comes it must not be too old at once: a page may take a lease to show it.
            let latest = config.limits.max_age.saturating_sub(config.lease);
            if !message.delay().is_zero() && message.delay() > latest {
                let problem = "is longer than `max_age` minus the lease";
                return Err(Error::invalid("after", problem).with_operation("add"));
            }
        }
        let accepted = messages.iter().filter(|message| self.passes_level(message));
        let accepted: Vec<_> = accepted.cloned().collect();
        if accepted.is_empty() {
            return Ok((AddOutcome::Added { displaced: 0 }, 0));
        }
        let mut limits = config.limits;
        limits.replicas = self.replicas;
        // Within the first attempt, so that "too few" is answered and not guessed.
        limits.replica_timeout = config.call_timeout / 3;
        let add = || self.store.add(context, &accepted, &limits);
        let outcome = self.write_idempotent("add", add).await?;
        if let AddOutcome::Added { displaced } = outcome {
            telemetry::record_added(&self.app, accepted.len() as u64);
            telemetry::record_displaced(&self.app, displaced);
        }
        Ok((outcome, accepted.len()))
    }

    pub(crate) fn passes_level(&self, message: &Message) -> bool {
        message.level() >= self.config().minimum_level
    }
}
