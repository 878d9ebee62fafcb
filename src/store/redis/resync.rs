//! Goes through all keys: at once where nothing is known, and every now and then.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::store::Changes;

/// Shortest rest: timers count in milliseconds, and what is shorter would become far too long.
const MIN_PAUSE: Duration = Duration::from_millis(2);

/// Some keys, and where the next step goes on: 0 at the end.
pub(crate) type ScanStep = (u64, Vec<Vec<u8>>);

/// How often all keys are gone through, and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResyncSchedule {
    /// How long after the last round though nothing was missed: marks of contexts that expired or were confirmed
    /// elsewhere go then.
    interval: Duration,
    /// How long after the beginning of the last one at the earliest where marks want room. Twice as long each time
    /// that there was not enough.
    early_after: Duration,
    /// Least time between two beginnings: a server that is flushed over and over is not gone through over and
    /// over.
    min_gap: Duration,
    /// How many times as long as the steps took the server is left alone between them: pages need it too.
    pause_factor: f32,
    /// The same where nobody waits for the round.
    idle_pause_factor: f32,
}

impl Default for ResyncSchedule {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(600),
            early_after: Duration::from_secs(30),
            min_gap: Duration::from_secs(1),
            pause_factor: 0.25,
            idle_pause_factor: 9.0,
        }
    }
}

/// All rounds of one connection.
pub(crate) struct Resync<'a> {
    pub(crate) changes: &'a Changes,
    pub(crate) schedule: ResyncSchedule,
}

impl Resync<'_> {
    /// Goes round and round until a step fails.
    pub(crate) async fn run<S>(&self, step: impl Fn(u64) -> S) -> Result<Infallible, Error>
    where
        S: Future<Output = Result<ScanStep, Error>>,
    {
        let mut early = self.schedule.early_after;
        loop {
            let began = Instant::now();
            if self.run_once(&step).await? {
                early = self.schedule.early_after;
            }
            self.wait(began, early).await;
            early = (early * 2).min(self.schedule.interval);
        }
    }

    /// Goes through all keys once. Tells whether all was known before.
    async fn run_once<S>(&self, step: impl Fn(u64) -> S) -> Result<bool, Error>
    where
        S: Future<Output = Result<ScanStep, Error>>,
    {
        let Some(pass) = self.changes.begin_resync() else {
            return Ok(false);
        };
        let repeated = pass.was_synced();
        let pause_factor = match repeated {
            true => self.schedule.idle_pause_factor,
            false => self.schedule.pause_factor,
        };
        let (mut cursor, mut pause_debt) = (0, Duration::ZERO);
        loop {
            // One step at least, even where nobody needs the keys: the connection may have broken.
            let began = Instant::now();
            let (next, found) = step(cursor).await?;
            pause_debt += began.elapsed().mul_f32(pause_factor);
            let answered = Instant::now();
            found.iter().for_each(|key| pass.touch(key));
            // Meanwhile the server has had nothing to do for this.
            pause_debt = pause_debt.saturating_sub(answered.elapsed());
            if next == 0 || !pass.is_current() {
                break;
            }
            cursor = next;
            if pause_debt >= MIN_PAUSE {
                pause_debt = pause_debt.saturating_sub(timed_sleep(pause_debt).await);
            }
        }
        pass.finish();
        Ok(repeated)
    }

    /// Waits until another round is due.
    async fn wait(&self, began: Instant, early: Duration) {
        let mut lost = pin!(self.changes.resync_requested());
        loop {
            let waited = began.elapsed();
            if waited >= self.schedule.interval || waited >= early && self.changes.needs_resync() {
                return;
            }
            let moment = pin!(sleep(self.schedule.min_gap));
            if let Either::Left(_) = select(&mut lost, moment).await {
                return sleep(self.schedule.min_gap.saturating_sub(began.elapsed())).await;
            }
        }
    }
}

/// Sleeps, and gives the time for which it did.
async fn timed_sleep(time: Duration) -> Duration {
    let began = Instant::now();
    sleep(time).await;
    began.elapsed()
}

#[cfg(all(test, feature = "web"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::cell::RefCell;
    use std::future::ready;

    use tokio::time::timeout;

    use super::*;
    use crate::{Context, SessionId, View};

    fn changes(most: usize) -> Changes {
        let changes = Changes::tracked(most);
        changes.enable_index();
        changes
    }

    fn context(n: usize) -> Context {
        let session = SessionId::new(format!("visitor{n}")).unwrap();
        Context::new("app", session, View::ANY).unwrap()
    }

    fn keys(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| context(n).key().into_bytes()).collect()
    }

    fn seconds(since: Instant) -> u64 {
        since.elapsed().as_secs()
    }

    /// Goes round for so many seconds while something happens; gives the seconds at which a round began. Each
    /// finds that many keys.
    async fn begun(
        changes: &Changes,
        for_seconds: u64,
        found: impl Fn(u64) -> usize,
        happens: impl Future<Output = ()>,
    ) -> Vec<u64> {
        let (started, begun) = (Instant::now(), RefCell::new(Vec::new()));
        let schedule = ResyncSchedule::default();
        let resync = Resync { changes, schedule };
        let step = async |_| {
            begun.borrow_mut().push(seconds(started));
            Ok((0, keys(found(seconds(started)))))
        };
        let going = timeout(Duration::from_secs(for_seconds), resync.run(step));
        let (over, ()) = futures_util::future::join(going, happens).await;
        assert!(over.is_err(), "no step failed");
        begun.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn one_every_ten_minutes() {
        let begun = begun(&changes(100), 1900, |_| 1, ready(())).await;
        assert_eq!(begun, [0, 600, 1200, 1800]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_begins_one_at_once_and_one_a_second_at_most() {
        let changes = changes(100);
        let losses = async {
            sleep(Duration::from_millis(100_500)).await;
            for _ in 0..50 {
                changes.invalidate_all();
                sleep(Duration::from_millis(100)).await;
            }
        };
        let begun = begun(&changes, 600, |_| 1, losses).await;
        assert_eq!(begun, [0, 100, 101, 102, 103, 104, 105]);
    }

    #[tokio::test(start_paused = true)]
    async fn marks_that_want_room_begin_one_early() {
        let changes = changes(8);
        let rings = async {
            for (after, marks) in [(5_500, 4), (45_000, 3), (50_000, 4)] {
                sleep(Duration::from_millis(after)).await;
                (0..marks).for_each(|n| changes.mark_changed(&context(n)));
            }
        };
        // After 5 s there are many, after 50 s few, after 100 s many again.
        let begun = begun(&changes, 650, |_| 0, rings).await;
        assert_eq!(begun, [0, 30, 101]);
        assert!(!changes.needs_resync());
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_they_are_rarer_and_rarer() {
        let changes = changes(4);
        // Ten contexts for half an hour, then three, and for a moment five.
        let found = |at| if at < 2000 { 10 } else { 3 };
        let ring = async {
            sleep(Duration::from_millis(2_800_500)).await;
            (0..5).for_each(|n| changes.mark_changed(&context(n)));
        };
        let begun = begun(&changes, 3000, found, ring).await;
        assert_eq!(begun, [0, 30, 90, 210, 450, 930, 1530, 2130, 2730, 2801]);
    }

    /// How many times as long as its steps alone a round takes.
    async fn stretch(changes: &Changes) -> f64 {
        const STEPS: u64 = 100;
        const STEP: Duration = Duration::from_millis(3);

        let resync = Resync {
            changes,
            schedule: ResyncSchedule::default(),
        };
        let step = async |cursor| {
            sleep(STEP).await;
            Ok(((cursor + 1) % STEPS, keys(1)))
        };
        let started = Instant::now();
        resync.run_once(step).await.unwrap();
        started.elapsed().as_secs_f64() / (STEP.as_secs_f64() * STEPS as f64)
    }

    #[tokio::test(start_paused = true)]
    async fn pages_have_a_share_of_the_server() {
        let changes = changes(100);
        let first = stretch(&changes).await;
        assert!((1.2..=1.4).contains(&first), "{first}");
        let second = stretch(&changes).await;
        assert!((9.5..=10.5).contains(&second), "{second}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_in_vain_ends() {
        let changes = changes(100);
        let resync = Resync {
            changes: &changes,
            schedule: ResyncSchedule::default(),
        };
        let steps = RefCell::new(0);
        let step = async |cursor| {
            *steps.borrow_mut() += 1;
            if cursor == 3 {
                changes.invalidate_all();
            }
            Ok(((cursor + 1) % 10, keys(1)))
        };
        assert!(!resync.run_once(step).await.unwrap());
        assert_eq!(steps.into_inner(), 4);
    }
}
