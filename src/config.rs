//! What a [`Salver`](crate::Salver) allows, and for how long: the limits by name.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::{Error, Level};

const SECOND: Duration = Duration::from_secs(1);

/// How long messages may live: shorter loses them during a redirect, longer keeps visitors who left.
const TTL_RANGE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * 24 * 60 * 60);
/// How long a lease may be: shorter shows messages twice on slow pages, longer hides them after a crash.
const LEASE_RANGE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(10 * 60);
/// How long a page or an add may wait: 0 would never ask; a visitor waits no longer than 10 seconds.
const BUDGET_RANGE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);

/// Most messages that one context can be set to keep: what one look has to carry.
pub const MAX_MESSAGES: usize = 1000;
/// Most contexts of one session. Stops one visitor from filling the store by visiting many pages.
pub const MAX_CONTEXTS: usize = 64;

/// What happens when a context is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// The oldest message goes, counted, and the page says "and N more".
    #[default]
    DropOldest,
    /// The add is refused with [`Error::is_full`].
    Reject,
}

/// The bounds that an add has to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How long a context lives after its last add. Default: 1 hour. Keeps the store free of visitors
    /// who left.
    pub ttl: Duration,
    /// Oldest message that is shown. Default: 24 hours. Keeps old news off the page.
    pub max_age: Duration,
    /// Most messages in a context. Default: 100. Keeps a runaway job from burying the page.
    pub max_messages: usize,
    /// Most contexts in a session. Default: 64, see [`MAX_CONTEXTS`].
    pub max_contexts: usize,
    /// What happens when a context is full. Default: [`Full::DropOldest`].
    pub when_full: WhenFull,
    /// How many replicas have to have an add before it returns. Default: 0, the server alone. A store that has
    /// no replicas answers [`Error::is_in_doubt`] to any other number, after adding.
    pub replicas: u32,
    /// How long an add waits for them. Default: 80 ms.
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

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) lease: Duration,
    pub(crate) minimum_level: Level,
    pub(crate) page_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) pending_index: bool,
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
        }
    }
}

impl Config {
    /// Refuses what would harm, naming the setting.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        validate_range("ttl", self.limits.ttl, &TTL_RANGE)?;
        validate_range("max_age", self.limits.max_age, &TTL_RANGE)?;
        validate_range("lease", self.lease, &LEASE_RANGE)?;
        validate_range("page_timeout", self.page_timeout, &BUDGET_RANGE)?;
        validate_range("call_timeout", self.call_timeout, &BUDGET_RANGE)?;
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
        Ok(())
    }
}

fn validate_range(
    field: &'static str,
    time: Duration,
    range: &RangeInclusive<Duration>,
) -> Result<(), Error> {
    if range.contains(&time) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(Error::invalid(
        field,
        format!("is not between {least:?} and {most:?}"),
    ))
}
