//! The configuration of a [`Salver`](crate::Salver), and the range that each setting allows.

use std::ops::RangeInclusive;
#[cfg(feature = "mail")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "mail")]
use crate::mail_settings::MailSettings;
#[cfg(feature = "webhooks")]
use crate::webhook_settings::WebhookSettings;
use crate::{Error, Level};

const SECOND: Duration = Duration::from_secs(1);

/// Allowed lifetimes of a context and ages of a message. A shorter one loses messages during a
/// redirect; a longer one keeps the messages of visitors who have left.
const TTL_RANGE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * 24 * 60 * 60);
/// Allowed leases. A shorter one shows messages twice on slow pages; a longer one hides them too
/// long after a crash.
const LEASE_RANGE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(10 * 60);
/// Allowed timeouts of a page and of a call. With 0 the store would never be called; a visitor does
/// not wait longer than 10 seconds.
const TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);

/// Upper bound of [`Limits::max_messages`]. Bounds the messages that one read returns for a
/// context.
pub const MAX_MESSAGES: usize = 1000;
/// Upper bound of [`Limits::max_contexts`]. Stops one visitor from filling the store by visiting
/// many pages.
pub const MAX_CONTEXTS: usize = 64;

/// The behaviour of an add to a context that already has [`Limits::max_messages`] messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Removes the oldest messages and counts them; the next page shows "and N more".
    #[default]
    DropOldest,
    /// Rejects the add with [`Error::is_full`]; nothing is added.
    Reject,
}

/// The limits that a [`Store`](crate::store::Store) enforces in an add and in a migrate.
///
/// Set them through the [`SalverBuilder`](crate::SalverBuilder), which checks their ranges, and the
/// replicas by [`Salver::replicated`](crate::Salver::replicated).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How long a context lives at least after its last add, or after its last message becomes
    /// visible. 1 second to 30 days. Default: 1 hour. Removes the messages of visitors who have
    /// left.
    pub ttl: Duration,
    /// Age, by the time in its id, beyond which a message is no longer shown. 1 second to 30 days.
    /// Default: 24 hours. Stops pages from showing messages that are no longer relevant.
    pub max_age: Duration,
    /// Maximum number of messages in a context: 1 to [`MAX_MESSAGES`]. Default: 100. Stops a
    /// runaway job from flooding a page.
    pub max_messages: usize,
    /// Maximum number of contexts in a session: 1 to [`MAX_CONTEXTS`]. Default: 64.
    pub max_contexts: usize,
    /// The behaviour of an add to a full context. Default: [`WhenFull::DropOldest`].
    pub when_full: WhenFull,
    /// How many replicas must acknowledge an add before it returns. Default: 0, only the primary.
    /// With any other number, a store without replicas adds the messages and returns
    /// [`Error::is_in_doubt`].
    pub replicas: u32,
    /// How long an add waits for these replicas. Default: 80 ms. A [`Salver`](crate::Salver) sets
    /// it to a third of its [`call_timeout`](crate::SalverBuilder::call_timeout).
    pub replica_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(60 * 60),
            max_age: Duration::from_secs(24 * 60 * 60),
            max_messages: 100,
            max_contexts: MAX_CONTEXTS,
            when_full: WhenFull::DropOldest,
            replicas: 0,
            replica_timeout: Duration::from_millis(80),
        }
    }
}

/// The settings of a [`Salver`](crate::Salver).
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) lease: Duration,
    pub(crate) minimum_level: Level,
    pub(crate) page_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) pending_index: bool,
    #[cfg(feature = "mail")]
    pub(crate) mail: Arc<MailSettings>,
    #[cfg(feature = "webhooks")]
    pub(crate) webhooks: Arc<WebhookSettings>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            lease: Duration::from_secs(15),
            minimum_level: Level::Debug,
            page_timeout: Duration::from_millis(50),
            call_timeout: Duration::from_millis(250),
            pending_index: true,
            #[cfg(feature = "mail")]
            mail: Arc::default(),
            #[cfg(feature = "webhooks")]
            webhooks: Arc::default(),
        }
    }
}

impl Config {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    ///
    /// `is_invalid`, naming the first setting that is out of range.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        validate_range("ttl", self.limits.ttl, &TTL_RANGE)?;
        validate_range("max_age", self.limits.max_age, &TTL_RANGE)?;
        validate_range("lease", self.lease, &LEASE_RANGE)?;
        validate_range("page_timeout", self.page_timeout, &TIMEOUT_RANGE)?;
        validate_range("call_timeout", self.call_timeout, &TIMEOUT_RANGE)?;
        if !(1..=MAX_CONTEXTS).contains(&self.limits.max_contexts) {
            return Err(Error::invalid(
                "max_contexts",
                format!("is not between 1 and {MAX_CONTEXTS}"),
            ));
        }
        if !(1..=MAX_MESSAGES).contains(&self.limits.max_messages) {
            return Err(Error::invalid(
                "max_messages",
                format!("is not between 1 and {MAX_MESSAGES}"),
            ));
        }
        #[cfg(feature = "mail")]
        self.mail.validate()?;
        #[cfg(feature = "webhooks")]
        self.webhooks.validate()?;
        Ok(())
    }
}

/// Checks that a duration is in a range; the error names the field and the range.
fn validate_range(
    field: &'static str,
    time: Duration,
    range: &RangeInclusive<Duration>,
) -> Result<(), Error> {
    if range.contains(&time) {
        return Ok(());
    }
    let (min, max) = (range.start(), range.end());
    Err(Error::invalid(
        field,
        format!("is not between {min:?} and {max:?}"),
    ))
}
