//! Adding messages.

use crate::handle::salver::Salver;
use crate::store::{AddOutcome, MAX_REDIRECTS};
use crate::wire::EncodedMessage;
use crate::{Context, Error, Message, telemetry};

/// The result of an add.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Added {
    /// How many messages were accepted. Those below the
    /// [minimum level](crate::SalverBuilder::minimum_level) are not.
    pub messages: usize,
    /// How many older messages were removed because the context was full. The page shows "and N
    /// more".
    pub displaced: u64,
}

impl Salver {
    /// Adds one message to a context. One round trip.
    ///
    /// After it returns, every later read of an eligible page of that context finds the message.
    /// This ends when the message is confirmed, retracted, replaced by its tag, cleared or
    /// displaced, or expires. A message below the [minimum
    /// level](crate::SalverBuilder::minimum_level) is not added.
    ///
    /// If the session moved to a new id at a login, the message is added under the new id. Each
    /// move costs one more round trip. Without a reply within 40 % of the
    /// [`call_timeout`](crate::SalverBuilder::call_timeout) (100 ms of 250 ms by default) the add
    /// is sent once more. Adding the same message again is safe: it stores no duplicate and ends no
    /// lease.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid), before any round trip: a message that
    ///   [`Message::validate`] rejects, a size of more than 8 KiB, a delay of more than `max_age`
    ///   minus the lease.
    /// - [`is_full`](Error::is_full): the context is full and set to
    ///   [`WhenFull::Reject`](crate::store::WhenFull::Reject), the session has too many contexts,
    ///   or the store is out of memory.
    /// - [`is_session_closed`](Error::is_session_closed): the session was closed by a logout.
    /// - [`is_unavailable`](Error::is_unavailable): nothing was added; retry later.
    /// - [`is_in_doubt`](Error::is_in_doubt): the message may have been added; adding it again is
    ///   safe.
    /// - [`is_denied`](Error::is_denied): the store rejected the user or the command.
    /// - [`is_unreadable`](Error::is_unreadable): the key has another type of data.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the message has been added completely or not at all. Adding it
    /// again is safe.
    pub async fn add(&self, context: &Context, message: Message) -> Result<Added, Error> {
        self.add_all(context, vec![message]).await
    }

    /// Adds several messages to one context, all or none. One round trip.
    ///
    /// Otherwise as [`add`](Self::add). Messages below the minimum level are left out; the others
    /// are added.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). The first invalid message rejects them all.
    ///
    /// # Cancel safety
    ///
    /// As [`add`](Self::add), for all messages together.
    pub async fn add_all(&self, context: &Context, messages: Vec<Message>) -> Result<Added, Error> {
        let accepted = self.accept(messages)?;
        self.add_accepted(context, &accepted, MAX_REDIRECTS).await
    }

    /// Adds to exactly this session, since a request with an old cookie must not write to the new
    /// session. Takes messages that [`accept`](Self::accept) returned.
    #[cfg(feature = "web")]
    pub(crate) async fn add_without_redirect(
        &self,
        context: &Context,
        accepted: &[EncodedMessage],
    ) -> Result<Added, Error> {
        self.add_accepted(context, accepted, 1).await
    }

    /// Validates and encodes messages, and leaves out those below the minimum level.
    pub(crate) fn accept(&self, messages: Vec<Message>) -> Result<Vec<EncodedMessage>, Error> {
        let encoded = messages.into_iter().map(|message| {
            let encoded = EncodedMessage::new(message)?;
            self.validate_delay(encoded.message())?;
            Ok(encoded)
        });
        let encoded: Result<Vec<_>, Error> = encoded.collect();
        let mut accepted = encoded.map_err(|error| error.with_operation("add"))?;
        accepted.retain(|encoded| encoded.message().level() >= self.config().minimum_level);
        Ok(accepted)
    }

    /// Checks that a message does not exceed `max_age` when it becomes visible, nor during the
    /// lease of the page that shows it.
    fn validate_delay(&self, message: &Message) -> Result<(), Error> {
        let config = self.config();
        let max_delay = config.limits.max_age.saturating_sub(config.lease);
        match message.delay().is_zero() || message.delay() <= max_delay {
            true => Ok(()),
            false => Err(Error::invalid(
                "after",
                "is longer than `max_age` minus the lease",
            )),
        }
    }

    /// Adds, trying at most `max_attempts` ids of a session that moved.
    async fn add_accepted(
        &self,
        context: &Context,
        accepted: &[EncodedMessage],
        max_attempts: usize,
    ) -> Result<Added, Error> {
        if accepted.is_empty() {
            return Ok(Added::default());
        }
        let mut context = context.clone();
        for _ in 0..max_attempts {
            match self.try_add(&context, accepted).await? {
                AddOutcome::SessionMoved(session) => context = context.with_session(session),
                AddOutcome::Added { displaced } => {
                    return Ok(Added {
                        messages: accepted.len(),
                        displaced,
                    });
                }
            }
        }
        Err(Error::session_closed().with_operation("add"))
    }

    /// Adds under exactly this session id.
    async fn try_add(
        &self,
        context: &Context,
        accepted: &[EncodedMessage],
    ) -> Result<AddOutcome, Error> {
        let config = self.config();
        let mut limits = config.limits;
        limits.replicas = self.replicas;
        // Less than the first attempt, so that the store still reports how many replicas
        // acknowledged.
        limits.replica_timeout = config.call_timeout / 3;
        let add = || self.store.add(context, accepted, &limits);
        let outcome = self.write_idempotent("add", add).await?;
        if let AddOutcome::Added { displaced } = outcome {
            telemetry::record_added(&self.app, accepted.len() as u64);
            telemetry::record_displaced(&self.app, displaced);
        }
        Ok(outcome)
    }
}
