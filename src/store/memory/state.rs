//! All sessions, ordered by expiry.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::store::memory::sorted_set::SortedSet;
use crate::store::{AddOutcome, Limits, StoreStats, SweepProgress, millis};
use crate::{Error, SessionId, View};

/// Estimated memory of a session in addition to its messages, so that the tombstones of logouts
/// count too.
const SESSION_COST: usize = 256;

#[derive(Default)]
pub(crate) struct State {
    sessions: HashMap<Owner, Session>,
    /// The sessions by the time at which they expire: the order of removal over the memory limit.
    expiries: BTreeSet<(u64, Owner)>,
    bytes: usize,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Owner {
    app: Arc<str>,
    session: SessionId,
}

#[derive(Default)]
pub(crate) struct Session {
    pub(crate) sets: BTreeMap<View, SortedSet>,
    /// Set by a migrate (to the new id) or a close (to `None`). In effect until the time beside it.
    pub(crate) tombstone: Option<(Option<SessionId>, u64)>,
    expires: u64,
}

impl Session {
    fn bytes(&self) -> usize {
        SESSION_COST + self.sets.values().map(SortedSet::bytes).sum::<usize>()
    }

    pub(crate) fn redirect(&self, now: u64) -> Result<Option<SessionId>, Error> {
        match &self.tombstone {
            Some((to, until)) if *until > now => {
                to.clone().map(Some).ok_or_else(Error::session_closed)
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn add(
        &mut self,
        now: u64,
        view: &View,
        members: Vec<(u64, Vec<u8>)>,
        limits: &Limits,
    ) -> Result<AddOutcome, Error> {
        if let Some(to) = self.redirect(now)? {
            return Ok(AddOutcome::SessionMoved(to));
        }
        if !self.sets.contains_key(view) && self.sets.len() >= limits.max_contexts {
            return Err(Error::full("the session has too many contexts"));
        }
        let set = self.sets.entry(view.clone()).or_default();
        let displaced = set.add(now, members, limits)?;
        Ok(AddOutcome::Added { displaced })
    }
}

impl State {
    pub(crate) fn with_session<T>(
        &mut self,
        now: u64,
        app: &str,
        session: &SessionId,
        operation: impl FnOnce(&mut Session) -> T,
    ) -> T {
        let owner = Owner {
            app: app.into(),
            session: session.clone(),
        };
        let mut session = self.take_out(&owner).unwrap_or_default();
        session.sets.retain(|_, set| set.is_alive(now));
        session.tombstone.take_if(|(_, until)| *until <= now);
        let outcome = operation(&mut session);
        self.put_in(owner, session);
        outcome
    }

    pub(crate) fn take_out(&mut self, owner: &Owner) -> Option<Session> {
        let session = self.sessions.remove(owner)?;
        self.expiries.remove(&(session.expires, owner.clone()));
        self.bytes -= session.bytes();
        Some(session)
    }

    pub(crate) fn put_in(&mut self, owner: Owner, mut session: Session) {
        session.sets.retain(|_, set| !set.is_empty());
        let sets = session.sets.values().map(SortedSet::expires);
        let tombstone = session.tombstone.iter().map(|(_, until)| *until);
        let Some(expires) = sets.chain(tombstone).max() else {
            return;
        };
        session.expires = expires;
        self.bytes += session.bytes();
        self.expiries.insert((expires, owner.clone()));
        self.sessions.insert(owner, session);
    }

    /// Moves the messages of `from` to `to` and returns their views. A repeat moves nothing.
    ///
    /// The caller holds the lock over both sessions, so that no read finds the messages in neither.
    pub(crate) fn migrate(
        &mut self,
        now: u64,
        app: &str,
        from: &SessionId,
        to: &SessionId,
        reopen: bool,
        limits: &Limits,
    ) -> Result<Vec<View>, Error> {
        match self.with_session(now, app, from, |session| session.redirect(now))? {
            // A repeat: later changes to the new session are not undone.
            Some(moved) if moved == *to => return Ok(Vec::new()),
            Some(_) => return Err(Error::session_closed()),
            None => {}
        }
        if from == to {
            return Ok(Vec::new());
        }
        let closed = self.with_session(now, app, to, |session| session.tombstone.is_some());
        if closed && !reopen {
            return Err(Error::session_closed());
        }
        let sets = self.with_session(now, app, from, |session| {
            session.tombstone = Some((Some(to.clone()), now + millis(limits.ttl)));
            std::mem::take(&mut session.sets)
        });
        let moved = sets.keys().cloned().collect();
        self.with_session(now, app, to, |session| {
            session.tombstone = None;
            for (view, set) in sets {
                let target = session.sets.entry(view).or_default();
                target.merge(set, limits);
            }
        });
        Ok(moved)
    }

    /// Removes the messages of an application that are older than `max_age`.
    pub(crate) fn sweep(&mut self, now: u64, app: &str, max_age: Duration) -> SweepProgress {
        let oldest = now.saturating_sub(millis(max_age));
        let owners = self.sessions.keys().filter(|owner| &*owner.app == app);
        let owners: Vec<_> = owners.cloned().collect();
        let mut progress = SweepProgress {
            total_keys: owners.len() as u64,
            ..SweepProgress::default()
        };
        for owner in owners {
            if let Some(mut session) = self.take_out(&owner) {
                progress.contexts += session.sets.len() as u64;
                let sets = session.sets.values_mut();
                progress.removed += sets.map(|set| set.sweep(oldest)).sum::<u64>();
                self.put_in(owner, session);
            }
        }
        progress
    }

    /// Counts the messages of an application in contexts that have not expired.
    pub(crate) fn survey(&self, now: u64, app: &str) -> StoreStats {
        let owned = self.sessions.iter().filter(|(owner, _)| &*owner.app == app);
        let sets = owned.flat_map(|(_, session)| session.sets.values());
        let mut stats = StoreStats::default();
        for set in sets.filter(|set| set.expires() > now) {
            stats.add_context(&set.count());
        }
        stats
    }

    /// Removes expired sessions. Over the memory limit, also removes the sessions that expire next.
    pub(crate) fn make_room(&mut self, now: u64, max_bytes: usize) {
        while let Some((expires, owner)) = self.expiries.first().cloned()
            && (expires <= now || self.bytes > max_bytes)
        {
            self.take_out(&owner);
        }
    }
}
