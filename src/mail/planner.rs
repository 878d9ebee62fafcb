//! The handler of the jobs that decide when a digest is sent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};

use crate::cadence::Cadence;
use crate::inbox::{Mails, PlanTask, Waiting, enqueue_digest};
use crate::jobs::{Handler, Outcome, PLAN_QUEUE, Profile, Profiles, StoredJob, read_task};
use crate::log_limit::LogLimit;
use crate::mail::schedule::{next_digest, time_zone};
use crate::{Error, Recipient, Salver};

/// How long a mail to a user waits that a worker without profiles has met. Another one claims it then.
const WITHOUT_PROFILES_DELAY: Duration = Duration::from_secs(10);

pub(super) struct Planner {
    pub(super) salver: Salver,
    pub(super) profiles: Arc<Profiles>,
}

impl Handler for Planner {
    fn queue(&self) -> &'static str {
        PLAN_QUEUE
    }

    fn attempt<'a>(&'a self, job: &'a StoredJob, now: u64) -> BoxFuture<'a, Outcome> {
        async move {
            let PlanTask { recipient, cadence } = match read_task(job) {
                Ok(task) => task,
                Err(outcome) => return Ok(outcome),
            };
            let profile = match self.profile(&recipient).await {
                Ok(profile) => profile,
                Err(outcome) => return Ok(outcome),
            };
            let waiting = Mails::new(&self.salver, &recipient).waiting(None).await?;
            self.plan(cadence, &profile, &waiting, now).await?;
            Ok(Outcome::Done)
        }
        .map(|outcome: Result<_, Error>| outcome.unwrap_or_else(Outcome::from))
        .boxed()
    }
}

impl Planner {
    /// Returns the profile of a recipient. That of an address is the address.
    pub(super) async fn profile(&self, recipient: &Recipient) -> Result<Profile, Outcome> {
        if let Some(address) = recipient.address() {
            return Ok(Profile::new(recipient.clone()).email(address));
        }
        if !self.profiles.is_set() {
            static WITHOUT_PROFILES: LogLimit = LogLimit::new();

            if WITHOUT_PROFILES.allow() {
                tracing::warn!("mails to users wait for a worker with `Worker::profiles`");
            }
            return Err(Outcome::Later(WITHOUT_PROFILES_DELAY));
        }
        let profile = self.profiles.get(recipient).await;
        let profile = profile.map_err(|error| Outcome::Failed(format!("profiles: {error}")))?;
        Ok(profile.unwrap_or_else(|| Profile::new(recipient.clone())))
    }

    /// Adds the job of the next digest, unless nothing waits for one, or there is no address.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) async fn plan(
        &self,
        cadence: Cadence,
        profile: &Profile,
        waiting: &Waiting,
        now: u64,
    ) -> Result<(), Error> {
        let mut notifications = waiting.notifications.iter();
        let has_some = notifications.any(|one| waiting.cadence(one).is_like(cadence));
        if !has_some || profile.email.is_none() {
            return Ok(());
        }
        let recipient = &profile.recipient;
        let last = waiting.last_periods.get(cadence.name());
        let zone = time_zone(profile.time_zone.as_deref());
        match next_digest(cadence, recipient, &zone, now, last.map(String::as_str)) {
            Some(next) => enqueue_digest(&self.salver, recipient, cadence, next).await,
            None => Ok(()),
        }
    }
}
