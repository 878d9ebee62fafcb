//! The in-memory store: one process, one lock, expiry checked on read.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::store::memory::clock::Clock;
use crate::store::memory::sorted_set::ReadMode;
use crate::store::memory::state::{Session, State};
use crate::store::{
    AddOutcome, Backend, BackendKind, Changes, Claim, ClaimedMembers, Issue, Limits, MAX_REDIRECTS,
    ReadResult, Selector, Store, StoreFuture, StoreStats, SweepProgress, millis,
};
use crate::wire::EncodedMessage;
use crate::{Context, Error, SessionId, View};

/// Default maximum size of all messages in bytes: 64 MiB. Over it, the sessions that expire first
/// are removed. Stops visitors from filling the memory of the process.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A store in the memory of this process: the default.
///
/// It meets the same requirements as the Redis store, without a server. It keeps at most 64 MiB of
/// messages; over that, it removes the sessions that expire first. The messages are
/// lost when the process exits, and no other process can read them.
pub struct MemoryStore {
    clock: Clock,
    max_bytes: usize,
    /// A blocking lock. It is held for a few map operations, and never across an await.
    state: Mutex<State>,
    changes: Arc<Changes>,
    /// The data of other modules.
    #[cfg(feature = "inbox")]
    data: Arc<crate::extensions::Extensions>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// Creates an empty store with the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Clock::system())
    }

    /// Creates an empty store with this clock.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        Self {
            clock,
            max_bytes: MAX_BYTES,
            state: Mutex::default(),
            changes: Arc::default(),
            #[cfg(feature = "inbox")]
            data: Arc::default(),
        }
    }

    /// Sets the maximum size of all messages in bytes. Default: 64 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Adds a raw member, as the `ZADD` of an external writer does in Redis. Tests use this to add
    /// undecodable members.
    pub fn put_member(&self, context: &Context, member: impl Into<Vec<u8>>) {
        let now = self.clock.now();
        let expires = now + millis(Limits::default().ttl);
        self.with_session(context.app(), context.session(), |session| {
            let set = session.sets.entry(context.view().clone()).or_default();
            set.insert(now, member.into());
            set.extend_expiry(expires);
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug in this crate. The map is consistent between operations,
        // so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one operation on a session. Removes expired contexts before it, and applies the memory
    /// limit after it.
    fn with_session<T>(
        &self,
        app: &str,
        session: &SessionId,
        operation: impl FnOnce(&mut Session) -> T,
    ) -> T {
        let now = self.clock.now();
        let mut state = self.lock();
        let outcome = state.with_session(now, app, session, operation);
        state.make_room(now, self.max_bytes);
        outcome
    }

    fn confirm_following(&self, mut context: Context, members: &[Vec<u8>]) {
        let now = self.clock.now();
        for _ in 0..MAX_REDIRECTS {
            let moved = self.with_session(context.app(), context.session(), |session| {
                if let Some(set) = session.sets.get_mut(context.view()) {
                    set.confirm(members);
                }
                session.redirect(now).ok().flatten()
            });
            let Some(session) = moved else {
                return;
            };
            context = context.with_session(session);
        }
    }

    fn read(
        &self,
        contexts: &[Context],
        mode: ReadMode,
        max_age: Duration,
    ) -> (ReadResult, Vec<ClaimedMembers>) {
        let now = self.clock.now();
        let mut result = ReadResult::default();
        let mut claimed = Vec::new();
        for context in contexts {
            let displaced_before = result.displaced;
            let members = self.with_session(context.app(), context.session(), |session| {
                // Members that an external writer added to a closed session are not returned.
                let open = matches!(session.redirect(now), Ok(None));
                let set = session.sets.get_mut(context.view()).filter(|_| open);
                set.map_or_else(Vec::new, |set| set.read(now, mode, max_age, &mut result))
            });
            claimed.push(result.claimed_members(context, displaced_before, now, members));
        }
        (result, claimed)
    }
}

impl Store for MemoryStore {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [EncodedMessage],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome> {
        Box::pin(async move {
            let member = |encoded: &EncodedMessage| {
                let delay = encoded.message().delay();
                (millis(delay), encoded.member().to_vec())
            };
            let members = messages.iter().map(member).collect();
            let now = self.clock.now();
            let outcome = self.with_session(context.app(), context.session(), |session| {
                session.add(now, context.view(), members, limits)
            })?;
            self.changes.mark_changed(context);
            match outcome {
                AddOutcome::Added { .. } if limits.replicas > 0 => {
                    Err(Error::insufficient_replicas())
                }
                outcome => Ok(outcome),
            }
        })
    }

    fn peek<'a>(
        &'a self,
        contexts: &'a [Context],
        max_age: Duration,
    ) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move {
            let (result, _) = self.read(contexts, ReadMode::Peek, max_age);
            Ok(result)
        })
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        max_age: Duration,
    ) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let until = self.clock.now() + millis(lease);
            let (result, claimed) = self.read(contexts, ReadMode::Claim { until }, max_age);
            Ok(Claim {
                result,
                members: claimed,
                lease_until_ms: until,
            })
        })
    }

    fn take<'a>(
        &'a self,
        contexts: &'a [Context],
        max_age: Duration,
    ) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move {
            let (result, _) = self.read(contexts, ReadMode::Take, max_age);
            Ok(result)
        })
    }

    fn confirm<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            for claimed in &claim.members {
                self.confirm_following(claimed.context.clone(), &claimed.members);
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let now = self.clock.now();
            for claimed in &claim.members {
                let context = &claimed.context;
                self.with_session(context.app(), context.session(), |session| {
                    if let Some(set) = session.sets.get_mut(context.view()) {
                        set.release(&claimed.members, claim.lease_until_ms, now);
                    }
                });
                self.changes.mark_changed(context);
            }
            Ok(())
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, selector: &'a Selector) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let removed = self.with_session(context.app(), context.session(), |session| {
                let set = session.sets.get_mut(context.view());
                set.map_or(0, |set| set.retract(selector))
            });
            self.changes.mark_changed(context);
            Ok(removed)
        })
    }

    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.with_session(context.app(), context.session(), |session| {
                session.sets.remove(context.view());
            });
            self.changes.mark_changed(context);
            Ok(())
        })
    }

    fn clear_session<'a>(
        &'a self,
        app: &'a str,
        session: &'a SessionId,
        close: Option<Duration>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let now = self.clock.now();
            self.with_session(app, session, |session| {
                session.sets.clear();
                // A session that has moved keeps its redirect, so that its jobs follow it.
                if let Some(period) = close
                    && session.tombstone.is_none()
                {
                    session.tombstone = Some((None, now + millis(period)));
                }
            });
            Ok(())
        })
    }

    fn migrate<'a>(
        &'a self,
        app: &'a str,
        from: &'a SessionId,
        to: &'a SessionId,
        reopen: bool,
        limits: &'a Limits,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let now = self.clock.now();
            let moved = self.lock().migrate(now, app, from, to, reopen, limits)?;
            let app = Arc::<str>::from(app);
            for view in moved {
                self.changes.mark_changed(&Context::new_unchecked(
                    Arc::clone(&app),
                    to.clone(),
                    view,
                ));
            }
            Ok(())
        })
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>> {
        Box::pin(async move {
            let now = self.clock.now();
            let views = self.with_session(app, session, |session| {
                let sets = session.sets.iter();
                let open = matches!(session.redirect(now), Ok(None));
                let visible = sets.filter(|(_, set)| open && set.is_visible(now));
                visible.map(|(view, _)| view.clone()).collect()
            });
            Ok(views)
        })
    }

    /// Sweeps in one step, because the store is bounded.
    fn sweep<'a>(
        &'a self,
        app: &'a str,
        max_age: Duration,
        _from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress> {
        Box::pin(async move { Ok(self.lock().sweep(self.clock.now(), app, max_age)) })
    }

    fn stats<'a>(&'a self, app: &'a str, _from: Option<&'a str>) -> StoreFuture<'a, StoreStats> {
        Box::pin(async move { Ok(self.lock().survey(self.clock.now(), app)) })
    }

    fn health_check<'a>(&'a self, _app: &'a str) -> StoreFuture<'a, Vec<Issue>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn changes(&self, _app: &str) -> Option<Arc<Changes>> {
        Some(Arc::clone(&self.changes))
    }

    fn backend(&self) -> Backend {
        Backend(BackendKind::Memory(
            #[cfg(feature = "inbox")]
            crate::store::MemoryBackend::new(&self.clock, &self.data),
        ))
    }

    fn for_current_runtime(self: Arc<Self>) -> Arc<dyn Store> {
        self
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("clock", &self.clock)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
