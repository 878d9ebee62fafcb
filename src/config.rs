//! What a [`Salver`](crate::Salver) allows, and for how long: the limits by name.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::store::{Limits, MAX_CONTEXTS, MAX_MESSAGES};
use crate::{Error, Level};

const SECOND: Duration = Duration::from_secs(1);

/// How long messages may live: shorter loses them during a redirect, longer keeps visitors who left.
const LIFE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * 24 * 60 * 60);
/// How long a lease may be: shorter shows messages twice on slow pages, longer hides them after a crash.
const LEASE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(10 * 60);
/// How long a page or an add may wait: 0 would never ask; a visitor waits no longer than 10 seconds.
const BUDGET: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) limits: Limits,
    pub(crate) lease: Duration,
    pub(crate) minimum: Level,
    pub(crate) page_budget: Duration,
    pub(crate) add_budget: Duration,
    pub(crate) index: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            lease: Duration::from_secs(15),
            minimum: Level::Debug,
            page_budget: Duration::from_millis(50),
            add_budget: Duration::from_millis(250),
            index: true,
        }
    }
}

impl Policy {
    /// Refuses what would harm, naming the setting.
    pub(crate) fn check(&self) -> Result<(), Error> {
        within("expiry", self.limits.expiry, &LIFE)?;
        within("age_limit", self.limits.age, &LIFE)?;
        within("lease", self.lease, &LEASE)?;
        within("page_budget", self.page_budget, &BUDGET)?;
        within("add_budget", self.add_budget, &BUDGET)?;
        if !(1..=MAX_CONTEXTS).contains(&self.limits.contexts) {
            return Err(Error::invalid(
                "max_contexts",
                format!("is not between 1 and {MAX_CONTEXTS}"),
            ));
        }
        if !(1..=MAX_MESSAGES).contains(&self.limits.messages) {
            return Err(Error::invalid(
                "max_messages",
                format!("is not between 1 and {MAX_MESSAGES}"),
            ));
        }
        Ok(())
    }
}

fn within(
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
