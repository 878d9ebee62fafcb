//! One queue in memory. Each operation does what the script of the same name does in Redis.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::Error;
use crate::jobs::id::JobId;
use crate::jobs::limits::{DEAD_TTL, DONE_TTL, MAX_DEAD, MAX_DONE};
#[cfg(feature = "events")]
use crate::jobs::memory::events::Events;
use crate::jobs::record::{Record, StoredJob};
use crate::jobs::store_trait::{
    Claimed, Cursor, JobCounts, JobState, Limit, MAX_CLAIMS, MAX_JOBS_PER_CALL, MAX_REPORT_CLAIMS,
    MAX_SHARED_CLAIMS, MAX_WAITING_PER_DUE, NewJob, Next, SUSPECT_DELAY,
};
use crate::store::millis;

/// One queue of an application.
#[derive(Default)]
pub(super) struct Queue {
    jobs: HashMap<JobId, Job>,
    due: BTreeSet<(u64, JobId)>,
    dead: BTreeSet<(u64, JobId)>,
    done: BTreeSet<(u64, JobId)>,
    #[cfg(feature = "events")]
    pub(super) events: Events,
    /// Wakes a worker.
    pub(super) changed: Arc<Notify>,
    /// The times of the jobs that are done.
    done_at: HashMap<JobId, u64>,
}

struct Job {
    /// The time in `due` or `dead`.
    time: u64,
    is_dead: bool,
    claims: u32,
    record: Record,
}

impl Queue {
    pub(super) fn enqueue(
        &mut self,
        now: u64,
        jobs: &[NewJob],
        max_due: usize,
    ) -> Result<u64, Error> {
        let is_new =
            |job: &&NewJob| !self.jobs.contains_key(&job.id) && !self.done_at.contains_key(&job.id);
        let new: Vec<_> = jobs.iter().filter(is_new).collect();
        let due = self.due.iter().take_while(|(time, _)| *time <= now).count();
        let is_full =
            due + new.len() > max_due || self.due.len() + new.len() > max_due * MAX_WAITING_PER_DUE;
        if is_full {
            return Err(Error::full("the queue is full"));
        }
        let before = self.jobs.len();
        for job in new {
            let time = if job.time == 0 { now } else { job.time };
            self.set(job.id, time, false, 0, job.record.clone());
        }
        self.changed.notify_one();
        Ok((self.jobs.len() - before) as u64)
    }

    fn set(&mut self, id: JobId, time: u64, is_dead: bool, claims: u32, record: Record) {
        self.take(id);
        let place = if is_dead {
            &mut self.dead
        } else {
            &mut self.due
        };
        place.insert((time, id));
        let job = Job {
            time,
            is_dead,
            claims,
            record,
        };
        self.jobs.insert(id, job);
    }

    fn take(&mut self, id: JobId) -> Option<Job> {
        let job = self.jobs.remove(&id)?;
        let place = if job.is_dead {
            &mut self.dead
        } else {
            &mut self.due
        };
        place.remove(&(job.time, id));
        Some(job)
    }

    pub(super) fn claim(&mut self, now: u64, lease: Duration, limit: Limit) -> Claimed {
        let due = self.due.iter().take_while(|(time, _)| *time <= now);
        let due: Vec<_> = due.take(MAX_JOBS_PER_CALL).copied().collect();
        let lease_end = now + millis(lease);
        let mut claimed = Claimed {
            now,
            ..Claimed::default()
        };
        let mut suspects = limit.suspects;
        let mut kept = Vec::new();
        for (time, id) in due {
            if claimed.jobs.len() == limit.jobs {
                break;
            }
            let Some(job) = self.take(id) else { continue };
            if (MAX_SHARED_CLAIMS..MAX_CLAIMS).contains(&job.claims) {
                if suspects == 0 {
                    kept.push(id);
                    self.set(id, time, false, job.claims, job.record);
                    continue;
                }
                suspects -= 1;
            }
            if job.claims >= MAX_REPORT_CLAIMS {
                claimed.crashed += 1;
                self.set(id, now, true, job.claims, job.record);
                continue;
            }
            let claims = job.claims + 1;
            claimed.jobs.push(StoredJob {
                id,
                time: lease_end,
                claims,
                record: job.record.clone(),
            });
            self.set(id, lease_end, false, claims, job.record);
        }
        if claimed.jobs.len() + kept.len() >= MAX_JOBS_PER_CALL {
            for id in kept.drain(..) {
                self.delay(id, now + millis(SUSPECT_DELAY));
            }
        }
        // Those that were kept wait for the end of an attempt, not for a time.
        let mut times = self.due.iter().map(|(time, _)| *time);
        claimed.first_time = times.clone().next();
        claimed.next_time = times.find(|time| kept.is_empty() || *time > now);
        (claimed.waiting, claimed.dead) = (self.due.len() as u64, self.dead.len() as u64);
        claimed
    }

    fn delay(&mut self, id: JobId, time: u64) {
        if let Some(job) = self.take(id) {
            self.set(id, time, false, job.claims, job.record);
        }
    }

    pub(super) fn finish(&mut self, now: u64, id: JobId) -> bool {
        let is_first = self.take(id).is_some();
        if is_first {
            self.done.insert((now, id));
            self.done_at.insert(id, now);
        }
        is_first
    }

    pub(super) fn retry(&mut self, now: u64, job: &StoredJob, next: Next) -> bool {
        let leased = self.jobs.get(&job.id);
        if leased.is_none_or(|leased| leased.is_dead || leased.time != job.time) {
            return false;
        }
        let (time, is_dead) = match next {
            Next::After(delay) => (now + millis(delay), false),
            Next::Dead => (now, true),
        };
        self.set(job.id, time, is_dead, job.claims, job.record.clone());
        true
    }

    pub(super) fn is_leased(&self, id: JobId) -> Option<bool> {
        let job = self.jobs.get(&id)?;
        Some(!job.is_dead && job.claims > 0)
    }

    pub(super) fn replay(&mut self, now: u64, id: JobId) -> bool {
        if self.is_leased(id) != Some(false) {
            return false;
        }
        let Some(mut job) = self.take(id) else {
            return false;
        };
        if job.is_dead {
            // Its schedule begins anew.
            job.record.failures = 0;
        }
        self.set(id, now, false, 0, job.record);
        self.changed.notify_one();
        true
    }

    pub(super) fn list(
        &self,
        state: JobState,
        after: Option<Cursor>,
        limit: usize,
    ) -> Vec<StoredJob> {
        let start = match after {
            Some(Cursor { time, id }) => Bound::Excluded((time, id)),
            None => Bound::Unbounded,
        };
        let listed = self.place(state).range((start, Bound::Unbounded));
        let jobs = listed.take(limit).filter_map(|place| self.stored(place));
        jobs.collect()
    }

    pub(super) fn newest(&self, state: JobState, limit: usize) -> Vec<StoredJob> {
        let newest = self.place(state).iter().rev();
        let jobs = newest.take(limit).filter_map(|place| self.stored(place));
        jobs.collect()
    }

    fn place(&self, state: JobState) -> &BTreeSet<(u64, JobId)> {
        match state {
            JobState::Waiting => &self.due,
            JobState::Dead => &self.dead,
        }
    }

    fn stored(&self, (time, id): &(u64, JobId)) -> Option<StoredJob> {
        let job = self.jobs.get(id)?;
        Some(StoredJob {
            id: *id,
            time: *time,
            claims: job.claims,
            record: job.record.clone(),
        })
    }

    pub(super) fn counts(&self, now: u64) -> JobCounts {
        let due = self.due.iter().take_while(|(time, _)| *time <= now).count();
        let oldest = self.due.first().map_or(now, |(time, _)| *time);
        JobCounts {
            due: due as u64,
            later: (self.due.len() - due) as u64,
            dead: self.dead.len() as u64,
            latency: Duration::from_millis(now.saturating_sub(oldest)),
        }
    }

    pub(super) fn trim(&mut self, now: u64) -> u64 {
        let done = surplus(&self.done, now, DONE_TTL, MAX_DONE);
        for (time, id) in &done {
            self.done.remove(&(*time, *id));
            self.done_at.remove(id);
        }
        let dead = surplus(&self.dead, now, DEAD_TTL, MAX_DEAD);
        for (_, id) in &dead {
            self.take(*id);
        }
        (done.len() + dead.len()) as u64
    }
}

/// Returns the oldest of a place: those over the age, and those over the number.
fn surplus(
    place: &BTreeSet<(u64, JobId)>,
    now: u64,
    age: Duration,
    count: usize,
) -> Vec<(u64, JobId)> {
    let oldest = now.saturating_sub(millis(age));
    let aged = place.iter().take_while(|(time, _)| *time <= oldest).count();
    let surplus = aged.max(place.len().saturating_sub(count));
    let surplus = place.iter().take(surplus.min(MAX_JOBS_PER_CALL));
    surplus.copied().collect()
}
