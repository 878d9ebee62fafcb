//! What this process has done in the last hour, minute by minute, for an operator.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::jobs::queues::{ACTION_QUEUE, MAIL_QUEUE, WEBHOOK_QUEUE};
use crate::{MessageId, Salver};

/// Minutes that are remembered, the present one included. Bounds the memory.
pub(crate) const ACTIVITY_MINUTES: usize = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// The activity of the applications of a process.
#[derive(Default)]
struct Activities(Mutex<HashMap<Box<str>, Activity>>);

/// What was done in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MinuteCounts {
    /// Events that the HTTP API has accepted.
    pub(crate) accepted: u64,
    /// Mails and webhooks that were sent, and actions that were called.
    pub(crate) delivered: u64,
}

/// What was done in the last hour.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    /// When counting began, in Unix milliseconds.
    pub(crate) since: u64,
    started: Instant,
    /// The number of the present minute since the start.
    minute: u64,
    /// At most [`ACTIVITY_MINUTES`] less one, oldest first.
    past: VecDeque<MinuteCounts>,
    present: MinuteCounts,
}

impl Activities {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Activity>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Activity {
    fn new() -> Self {
        Self {
            since: MessageId::new().unix_ms(),
            started: Instant::now(),
            minute: 0,
            past: VecDeque::new(),
            present: MinuteCounts::default(),
        }
    }

    /// Returns the minutes, oldest first: the last one has not ended.
    pub(crate) fn minutes(&self) -> impl Iterator<Item = MinuteCounts> {
        self.past.iter().copied().chain([self.present])
    }

    /// Begins the minutes that have begun since the last call.
    fn advance(&mut self) {
        let minute = self.started.elapsed().as_secs() / MINUTE.as_secs();
        let begun = minute.saturating_sub(self.minute);
        for _ in 0..begun.min(ACTIVITY_MINUTES as u64) {
            self.past.push_back(std::mem::take(&mut self.present));
        }
        let surplus = (self.past.len() + 1).saturating_sub(ACTIVITY_MINUTES);
        self.past.drain(..surplus);
        self.minute = minute;
    }
}

impl Salver {
    /// Returns what this process has done. The first call for an application begins to count.
    pub(crate) fn activity(&self) -> Activity {
        self.with_activity(|activity| activity.clone())
    }

    /// Counts events that the HTTP API has accepted.
    pub(crate) fn count_accepted(&self, events: u64) {
        self.with_activity(|activity| activity.present.accepted += events);
    }

    /// Counts a job of a queue that is done.
    pub(super) fn count_done(&self, queue: &str) {
        // The jobs of other queues are steps towards these.
        if [MAIL_QUEUE, WEBHOOK_QUEUE, ACTION_QUEUE].contains(&queue) {
            self.with_activity(|activity| activity.present.delivered += 1);
        }
    }

    fn with_activity<T>(&self, with: impl FnOnce(&mut Activity) -> T) -> T {
        let activities = self.extension::<Activities>();
        let mut activities = activities.lock();
        let activity = activities.entry(self.app().into());
        let activity = activity.or_insert_with(Activity::new);
        activity.advance();
        with(activity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn minutes_of_an_hour_are_remembered() -> Result<(), crate::Error> {
        let salver = Salver::memory("app")?;
        let minutes = || -> Vec<_> {
            let minutes = salver.activity().minutes().collect::<Vec<_>>();
            let pairs = minutes.iter();
            pairs.map(|one| (one.accepted, one.delivered)).collect()
        };
        salver.count_accepted(2);
        salver.count_done(WEBHOOK_QUEUE);
        salver.count_done("plan");
        assert_eq!(minutes(), [(2, 1)]);
        tokio::time::advance(2 * MINUTE).await;
        salver.count_done(MAIL_QUEUE);
        assert_eq!(minutes(), [(2, 1), (0, 0), (0, 1)]);
        tokio::time::advance(58 * MINUTE).await;
        assert_eq!(minutes().len(), ACTIVITY_MINUTES);
        assert_eq!(minutes().first(), Some(&(0, 0)));
        assert_eq!(minutes().get(1), Some(&(0, 1)));
        tokio::time::advance(1_000 * MINUTE).await;
        assert_eq!(minutes(), [(0, 0); ACTIVITY_MINUTES]);
        assert_eq!(salver.with_app("other")?.activity().minutes().count(), 1);
        Ok(())
    }
}
