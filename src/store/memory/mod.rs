//! The embedded store: one process, one lock, expiry judged on read.

mod clock;
mod sessions;
mod shelf;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::sessions::{Session, State};
use self::shelf::Mode;
use crate::store::{
    Answer, Changes, Claim, Finding, Found, HOPS, Held, Limits, Placed, Store, Surveyed, Swept,
    Which, millis,
};
use crate::{Context, Error, Message, SessionId, View, wire};

pub use self::clock::Clock;

/// Most bytes of messages that a store keeps unless told otherwise: 64 MiB. Over it, the sessions
/// that would expire first go. Stops visitors from filling the memory of the process.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Keeps messages in the memory of this process: the embedded default.
///
/// The same laws as Redis, no server. Bounded to 64 MiB of messages; over it the sessions that would
/// expire first go. Nothing survives the end of the process, and no other process sees it.
pub struct MemoryStore {
    clock: Clock,
    max_bytes: usize,
    /// A plain lock: it is held for a few map operations and never across an await.
    state: Mutex<State>,
    bell: Arc<Changes>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// Makes an empty store on the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Clock::system())
    }

    /// Makes an empty store on a clock of the caller's.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        Self {
            clock,
            max_bytes: MAX_BYTES,
            state: Mutex::default(),
            bell: Arc::default(),
        }
    }

    /// Sets how many bytes of messages it keeps. Default: 64 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Puts a raw member in, as a foreign writer's `ZADD` does in Redis: to test what a page makes of one
    /// that cannot be read.
    pub fn put_member(&self, context: &Context, member: impl Into<Vec<u8>>) {
        let now = self.clock.now();
        let expires = now + millis(Limits::default().expiry);
        self.change(context.app(), context.session(), |session| {
            let shelf = session.shelves.entry(context.view().clone()).or_default();
            shelf.put(now, member.into());
            shelf.live_until(expires);
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held is a bug of ours, and the map is whole between operations.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one operation on a session, dropping what expired before it and keeping the books after it.
    fn change<T>(
        &self,
        app: &str,
        session: &SessionId,
        operation: impl FnOnce(&mut Session) -> T,
    ) -> T {
        let now = self.clock.now();
        let mut state = self.state();
        let outcome = state.change(now, app, session, operation);
        state.make_room(now, self.max_bytes);
        outcome
    }

    fn confirm_in(&self, mut context: Context, members: &[Vec<u8>]) {
        let now = self.clock.now();
        for _ in 0..HOPS {
            let moved = self.change(context.app(), context.session(), |session| {
                if let Some(shelf) = session.shelves.get_mut(context.view()) {
                    shelf.confirm(members);
                }
                session.is_open(now).ok().flatten()
            });
            let Some(session) = moved else {
                return;
            };
            context = context.with_session(session);
        }
    }

    fn look(&self, contexts: &[Context], mode: Mode, age: Duration) -> (Found, Vec<Held>) {
        let now = self.clock.now();
        let mut found = Found::default();
        let mut held = Vec::new();
        for context in contexts {
            let members = self.change(context.app(), context.session(), |session| {
                // What a foreign writer left with a session that is closed is nobody's.
                let open = matches!(session.is_open(now), Ok(None));
                let shelf = session.shelves.get_mut(context.view()).filter(|_| open);
                shelf.map_or_else(Vec::new, |shelf| shelf.look(now, mode, age, &mut found))
            });
            let members = found.read(now, members);
            held.push(Held::new(context.clone(), members));
        }
        (found, held)
    }
}

impl Store for MemoryStore {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [Message],
        limits: &'a Limits,
    ) -> Answer<'a, Placed> {
        Box::pin(async move {
            let mut members = Vec::with_capacity(messages.len());
            for message in messages {
                members.push((millis(message.delay()), wire::encode(message)?));
            }
            let now = self.clock.now();
            let placed = self.change(context.app(), context.session(), |session| {
                session.add(now, context.view(), members, limits)
            })?;
            self.bell.mark_changed(context);
            match placed {
                Placed::Here { .. } if limits.replicas > 0 => Err(Error::few_replicas()),
                placed => Ok(placed),
            }
        })
    }

    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> Answer<'a, Found> {
        Box::pin(async move {
            let (found, _) = self.look(contexts, Mode::Peek, age);
            Ok(found)
        })
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        age: Duration,
    ) -> Answer<'a, Claim> {
        Box::pin(async move {
            let until = self.clock.now() + millis(lease);
            let (found, held) = self.look(contexts, Mode::Claim { until }, age);
            Ok(Claim { found, held, until })
        })
    }

    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> Answer<'a, Found> {
        Box::pin(async move {
            let (found, _) = self.look(contexts, Mode::Take, age);
            Ok(found)
        })
    }

    fn confirm<'a>(&'a self, claim: &'a Claim) -> Answer<'a, ()> {
        Box::pin(async move {
            for Held { context, members } in &claim.held {
                self.confirm_in(context.clone(), members);
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> Answer<'a, ()> {
        Box::pin(async move {
            let now = self.clock.now();
            for Held { context, members } in &claim.held {
                self.change(context.app(), context.session(), |session| {
                    if let Some(shelf) = session.shelves.get_mut(context.view()) {
                        shelf.release(members, claim.until, now);
                    }
                });
                self.bell.mark_changed(context);
            }
            Ok(())
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, which: &'a Which) -> Answer<'a, u64> {
        Box::pin(async move {
            let removed = self.change(context.app(), context.session(), |session| {
                let shelf = session.shelves.get_mut(context.view());
                shelf.map_or(0, |shelf| shelf.retract(which))
            });
            self.bell.mark_changed(context);
            Ok(removed)
        })
    }

    fn clear<'a>(&'a self, context: &'a Context) -> Answer<'a, ()> {
        Box::pin(async move {
            self.change(context.app(), context.session(), |session| {
                session.shelves.remove(context.view());
            });
            self.bell.mark_changed(context);
            Ok(())
        })
    }

    fn clear_session<'a>(
        &'a self,
        app: &'a str,
        session: &'a SessionId,
        close: Option<Duration>,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let now = self.clock.now();
            self.change(app, session, |session| {
                session.shelves.clear();
                // A session that has moved goes on telling where: its jobs are to follow.
                if let Some(period) = close
                    && session.gone.is_none()
                {
                    session.gone = Some((None, now + millis(period)));
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
        open: bool,
        limits: &'a Limits,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let now = self.clock.now();
            // One lock over both sessions: in between, nobody may find the messages in neither.
            let mut state = self.state();
            let went = state.change(now, app, from, |session| session.is_open(now))?;
            match went {
                // A repeat: what has become of the new id since is not undone.
                Some(moved) if moved == *to => return Ok(()),
                Some(_) => return Err(Error::closed()),
                None => {}
            }
            if from == to {
                return Ok(());
            }
            let closed = state.change(now, app, to, |session| session.gone.is_some());
            if closed && !open {
                return Err(Error::closed());
            }
            let shelves = state.change(now, app, from, |session| {
                session.gone = Some((Some(to.clone()), now + millis(limits.expiry)));
                std::mem::take(&mut session.shelves)
            });
            let moved: Vec<_> = shelves.keys().cloned().collect();
            state.change(now, app, to, |session| {
                session.gone = None;
                for (view, shelf) in shelves {
                    let own = session.shelves.entry(view).or_default();
                    own.merge(shelf, limits);
                }
            });
            let app = Arc::<str>::from(app);
            for view in moved {
                self.bell
                    .mark_changed(&Context::new_unchecked(Arc::clone(&app), to.clone(), view));
            }
            Ok(())
        })
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> Answer<'a, Vec<View>> {
        Box::pin(async move {
            let now = self.clock.now();
            let views = self.change(app, session, |session| {
                let shelves = session.shelves.iter();
                let open = matches!(session.is_open(now), Ok(None));
                let visible = shelves.filter(|(_, shelf)| open && shelf.is_visible(now));
                visible.map(|(view, _)| view.clone()).collect()
            });
            Ok(views)
        })
    }

    /// All in one step: the store is bounded.
    fn sweep<'a>(
        &'a self,
        app: &'a str,
        age: Duration,
        _from: Option<&'a str>,
    ) -> Answer<'a, Swept> {
        Box::pin(async move { Ok(self.state().sweep(self.clock.now(), app, age)) })
    }

    fn survey<'a>(&'a self, app: &'a str, _from: Option<&'a str>) -> Answer<'a, Surveyed> {
        Box::pin(async move { Ok(self.state().survey(self.clock.now(), app)) })
    }

    fn check<'a>(&'a self, _app: &'a str) -> Answer<'a, Vec<Finding>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn doorbell(&self, _app: &str) -> Option<Arc<Changes>> {
        Some(Arc::clone(&self.bell))
    }

    fn worker(self: Arc<Self>) -> Arc<dyn Store> {
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
