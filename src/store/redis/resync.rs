//! Resync passes over all keys: immediately while the index is out of sync, then periodically.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::store::Changes;

/// Shortest pause. Timers have a resolution of a millisecond, so shorter pauses would last far too
/// long.
const MIN_PAUSE: Duration = Duration::from_millis(2);

/// The result of one scan step: the cursor of the next step, 0 at the end, and the keys.
pub(crate) type ScanStep = (u64, Vec<Vec<u8>>);

/// How often and how fast the resync passes run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResyncSchedule {
    /// Time between two passes of a synced index. A pass removes the entries of contexts that
    /// expired or were confirmed by another process.
    interval: Duration,
    /// Least time between the beginnings of two passes while the index needs capacity. Doubles
    /// after each pass that did not find the index synced, up to `interval`.
    early_after: Duration,
    /// Least time between the beginnings of two passes, so that a server that is flushed repeatedly
    /// is not scanned without pause.
    min_gap: Duration,
    /// Pause between steps, as a multiple of their duration, so that the server can also serve
    /// pages.
    pause_factor: f32,
    /// The same for a pass whose end no page waits for.
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

/// The resync passes over one connection.
pub(crate) struct Resync<'a> {
    pub(crate) changes: &'a Changes,
    pub(crate) schedule: ResyncSchedule,
}

impl Resync<'_> {
    /// Runs passes until a step fails.
    pub(crate) async fn run<S>(&self, step: impl Fn(u64) -> S) -> Result<Infallible, Error>
    where
        S: Future<Output = Result<ScanStep, Error>>,
    {
        let mut early = self.schedule.early_after;
        loop {
            let started = Instant::now();
            if self.run_once(&step).await? {
                early = self.schedule.early_after;
            }
            self.wait(started, early).await;
            early = (early * 2).min(self.schedule.interval);
        }
    }

    /// Runs one pass over all keys. Returns whether the index was synced when the pass began.
    async fn run_once<S>(&self, step: impl Fn(u64) -> S) -> Result<bool, Error>
    where
        S: Future<Output = Result<ScanStep, Error>>,
    {
        let Some(pass) = self.changes.begin_resync() else {
            return Ok(false);
        };
        let was_synced = pass.was_synced();
        let pause_factor = match was_synced {
            true => self.schedule.idle_pause_factor,
            false => self.schedule.pause_factor,
        };
        let (mut cursor, mut pause_debt) = (0, Duration::ZERO);
        loop {
            // At least one step, even if the pass needs no keys: it detects a broken connection.
            let step_started = Instant::now();
            let (next, keys) = step(cursor).await?;
            pause_debt += step_started.elapsed().mul_f32(pause_factor);
            let step_ended = Instant::now();
            keys.iter().for_each(|key| pass.touch(key));
            // The server did no work for this pass in the meantime.
            pause_debt = pause_debt.saturating_sub(step_ended.elapsed());
            if next == 0 || !pass.is_current() {
                break;
            }
            cursor = next;
            if pause_debt >= MIN_PAUSE {
                pause_debt = pause_debt.saturating_sub(timed_sleep(pause_debt).await);
            }
        }
        pass.finish();
        Ok(was_synced)
    }

    /// Waits until the next pass is due.
    async fn wait(&self, started: Instant, early: Duration) {
        let mut requested = pin!(self.changes.resync_requested());
        loop {
            let waited = started.elapsed();
            if waited >= self.schedule.interval || waited >= early && self.changes.needs_resync() {
                return;
            }
            let pause = pin!(sleep(self.schedule.min_gap));
            if let Either::Left(_) = select(&mut requested, pause).await {
                return sleep(self.schedule.min_gap.saturating_sub(started.elapsed())).await;
            }
        }
    }
}

/// Sleeps, and returns the actual duration of the sleep.
async fn timed_sleep(time: Duration) -> Duration {
    let started = Instant::now();
    sleep(time).await;
    started.elapsed()
}

#[cfg(all(test, feature = "web"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::cell::RefCell;
    use std::future::ready;

    use tokio::time::timeout;

    use super::*;
    use crate::{Context, SessionId, View};

    fn changes(capacity: usize) -> Changes {
        let changes = Changes::tracked(capacity);
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

    /// Runs passes for `duration` seconds, and `events` at the same time. Each pass finds
    /// `key_count` keys, by the second at which it begins. Returns the seconds at which passes
    /// began.
    async fn pass_starts(
        changes: &Changes,
        duration: u64,
        key_count: impl Fn(u64) -> usize,
        events: impl Future<Output = ()>,
    ) -> Vec<u64> {
        let (started, starts) = (Instant::now(), RefCell::new(Vec::new()));
        let schedule = ResyncSchedule::default();
        let resync = Resync { changes, schedule };
        let step = async |_| {
            starts.borrow_mut().push(seconds(started));
            Ok((0, keys(key_count(seconds(started)))))
        };
        let passes = timeout(Duration::from_secs(duration), resync.run(step));
        let (outcome, ()) = futures_util::future::join(passes, events).await;
        assert!(outcome.is_err(), "a step failed");
        starts.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn resync_runs_every_ten_minutes() {
        let starts = pass_starts(&changes(100), 1900, |_| 1, ready(())).await;
        assert_eq!(starts, [0, 600, 1200, 1800]);
    }

    #[tokio::test(start_paused = true)]
    async fn invalidation_starts_resync_at_most_once_a_second() {
        let changes = changes(100);
        let invalidations = async {
            sleep(Duration::from_millis(100_500)).await;
            for _ in 0..50 {
                changes.invalidate_all();
                sleep(Duration::from_millis(100)).await;
            }
        };
        let starts = pass_starts(&changes, 600, |_| 1, invalidations).await;
        assert_eq!(starts, [0, 100, 101, 102, 103, 104, 105]);
    }

    #[tokio::test(start_paused = true)]
    async fn low_capacity_starts_resync_early() {
        let changes = changes(8);
        let changed = async {
            for (after, entries) in [(5_500, 4), (45_000, 3), (50_000, 4)] {
                sleep(Duration::from_millis(after)).await;
                (0..entries).for_each(|n| changes.mark_changed(&context(n)));
            }
        };
        // After 5 s many entries are stored, after 50 s few, after 100 s many again.
        let starts = pass_starts(&changes, 650, |_| 0, changed).await;
        assert_eq!(starts, [0, 30, 101]);
        assert!(!changes.needs_resync());
    }

    #[tokio::test(start_paused = true)]
    async fn resync_interval_doubles_while_over_capacity() {
        let changes = changes(4);
        // Ten contexts exist for half an hour, then three; later five change.
        let key_count = |at| if at < 2000 { 10 } else { 3 };
        let changed = async {
            sleep(Duration::from_millis(2_800_500)).await;
            (0..5).for_each(|n| changes.mark_changed(&context(n)));
        };
        let starts = pass_starts(&changes, 3000, key_count, changed).await;
        assert_eq!(starts, [0, 30, 90, 210, 450, 930, 1530, 2130, 2730, 2801]);
    }

    /// Returns the duration of a pass as a multiple of the duration of its steps.
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
    async fn resync_pauses_leave_server_time_to_pages() {
        let changes = changes(100);
        let first = stretch(&changes).await;
        assert!((1.2..=1.4).contains(&first), "{first}");
        let second = stretch(&changes).await;
        assert!((9.5..=10.5).contains(&second), "{second}");
    }

    /// The step of a pass for listeners alone, without an index, detects a broken connection.
    #[tokio::test]
    async fn pass_that_needs_no_keys_runs_one_step() {
        let changes = Changes::tracked(100);
        let resync = Resync {
            changes: &changes,
            schedule: ResyncSchedule::default(),
        };
        let steps = RefCell::new(0);
        let step = async |cursor| {
            *steps.borrow_mut() += 1;
            Ok((cursor + 1, keys(1)))
        };
        assert!(!resync.run_once(step).await.unwrap());
        assert_eq!(steps.into_inner(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn resync_stops_after_invalidation() {
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
