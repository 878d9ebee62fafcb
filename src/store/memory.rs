//! The embedded store: one process, one lock, expiry judged on read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Answer, Claim, Found, Full, Held, Limits, Placed, Store, Which, millis};
use crate::wire::{self, Head};
use crate::{Context, Error, Message, SessionId, View};

/// Most bytes of messages that a store keeps unless told otherwise: 64 MiB. Over it, the sessions
/// that would expire first go. Stops visitors from filling the memory of the process.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What one member costs beside its bytes; an estimate, so that small messages count too.
const MEMBER_COST: usize = 64;

/// The time of a [`MemoryStore`].
///
/// [`Clock::manual`] stands still until it is advanced, so that tests of expiry and leases need not
/// wait. Messages are dated by the system's clock: advance by less than the age limit, or expect new
/// messages to count as old.
///
/// ```
/// use std::time::Duration;
/// use salver::{Message, Salver, SessionId, store::{Clock, MemoryStore}};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
/// let clock = Clock::manual();
/// let salver = Salver::new("shop", MemoryStore::with_clock(clock.clone()))?;
/// let context = salver.context(SessionId::new("ada")?, "settings")?;
/// salver.add(&context, Message::info("for an hour")).await?;
///
/// clock.advance(Duration::from_secs(3600));
/// assert!(salver.peek(&context).await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// Follows the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// Starts at the system's time and stands still until it is advanced.
    #[must_use]
    pub fn manual() -> Self {
        Self(Some(Arc::new(AtomicU64::new(system_ms()))))
    }

    /// Moves a manual clock; does nothing to the system's.
    pub fn advance(&self, time: Duration) {
        if let Some(now) = &self.0 {
            now.fetch_add(millis(time), Ordering::SeqCst);
        }
    }

    fn now(&self) -> u64 {
        self.0
            .as_ref()
            .map_or_else(system_ms, |now| now.load(Ordering::SeqCst))
    }
}

fn system_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Keeps messages in the memory of this process: the embedded default.
///
/// The same laws as Redis, no server. Bounded to 64 MiB of messages; over it the sessions that would
/// expire first go. Nothing survives the end of the process, and no other process sees it.
pub struct MemoryStore {
    clock: Clock,
    max_bytes: usize,
    /// A plain lock: it is held for a few map operations and never across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<Owner, Session>,
    /// The sessions by the time at which they expire: what goes first when space runs short.
    expiries: BTreeSet<(u64, Owner)>,
    bytes: usize,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Owner {
    app: Arc<str>,
    session: SessionId,
}

#[derive(Default)]
struct Session {
    shelves: BTreeMap<View, Shelf>,
    /// Set by a migrate (the new id) or a close (none), until the time beside it.
    gone: Option<(Option<SessionId>, u64)>,
    expires: u64,
}

/// One context: what a sorted set is in Redis.
#[derive(Default)]
struct Shelf {
    /// Ordered by score, so that room is made from the front.
    slots: Vec<Slot>,
    displaced: u64,
    expires: u64,
}

struct Slot {
    score: u64,
    member: Vec<u8>,
}

impl Slot {
    fn head(&self) -> Option<Head<'_>> {
        wire::head(&self.member)
    }

    /// The time to which a release sets it back.
    fn own_time(&self, now: u64) -> u64 {
        let own = self.head().and_then(|head| head.unix_ms());
        own.unwrap_or(now).min(now)
    }

    fn is(&self, which: &Which) -> bool {
        let Some(head) = self.head() else {
            return false;
        };
        match which {
            Which::Tag(tag) => head.tag == Some(tag.as_bytes()),
            Which::Id(id) => head.id == id.to_string().as_bytes(),
        }
    }
}

impl Shelf {
    fn put(&mut self, score: u64, member: Vec<u8>) {
        let place = self.slots.partition_point(|slot| slot.score <= score);
        self.slots.insert(place, Slot { score, member });
    }

    fn remove(&mut self, unwanted: impl Fn(&Slot) -> bool) -> u64 {
        let before = self.slots.len();
        self.slots.retain(|slot| !unwanted(slot));
        (before - self.slots.len()) as u64
    }

    fn rescore(&mut self, members: &[Vec<u8>], score: impl Fn(&Slot) -> Option<u64>) {
        for slot in &mut self.slots {
            if members.contains(&slot.member)
                && let Some(score) = score(slot)
            {
                slot.score = score;
            }
        }
        self.slots.sort_by_key(|slot| slot.score);
    }

    fn is_visible(&self, now: u64) -> bool {
        self.expires > now && self.slots.first().is_some_and(|slot| slot.score <= now)
    }
}

/// What a look does to what it finds.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Peek,
    Claim { until: u64 },
    Take,
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
            shelf.expires = shelf.expires.max(expires);
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
        state.change(now, app, session, operation)
    }

    fn look(&self, contexts: &[Context], mode: Mode, age: Duration) -> (Found, Vec<Held>) {
        let now = self.clock.now();
        let mut found = Found::default();
        let mut held = Vec::new();
        for context in contexts {
            let members = self.change(context.app(), context.session(), |session| {
                let shelf = session.shelves.get_mut(context.view());
                shelf.map_or_else(Vec::new, |shelf| shelf.look(now, mode, age, &mut found))
            });
            let members = found.read(now, members);
            held.push(Held::new(context.clone(), members));
        }
        (found, held)
    }
}

impl Shelf {
    fn look(&mut self, now: u64, mode: Mode, age: Duration, found: &mut Found) -> Vec<Vec<u8>> {
        let oldest = now.saturating_sub(millis(age));
        let old = |slot: &Slot| {
            let own = slot.head().and_then(|head| head.unix_ms());
            slot.score <= now && own.is_some_and(|own| own < oldest)
        };
        let visible = |slot: &Slot| slot.score <= now && !old(slot);
        let newer = |slot: &Slot| slot.head().is_some_and(|head| head.newer);
        let seen = |slot: &Slot| visible(slot) && !newer(slot);

        found.expired += self.slots.iter().filter(|slot| old(slot)).count() as u64;
        found.newer += self
            .slots
            .iter()
            .filter(|slot| visible(slot) && newer(slot))
            .count() as u64;
        let members: Vec<_> = self.slots.iter().filter(|slot| seen(slot)).collect();
        let members: Vec<_> = members.iter().map(|slot| slot.member.clone()).collect();
        if let Some(later) = self.slots.iter().find(|slot| slot.score > now) {
            found.due_in(Duration::from_millis(later.score - now));
        }
        if mode == Mode::Peek {
            found.displaced += self.displaced;
            return members;
        }
        found.displaced += std::mem::take(&mut self.displaced);
        self.remove(old);
        match mode {
            Mode::Claim { until } => self.rescore(&members, |_| Some(until)),
            _ => {
                self.remove(seen);
            }
        }
        members
    }
}

impl Session {
    fn is_open(&self, now: u64) -> Result<Option<SessionId>, Error> {
        match &self.gone {
            Some((to, until)) if *until > now => to.clone().map(Some).ok_or_else(Error::closed),
            _ => Ok(None),
        }
    }

    fn add(
        &mut self,
        now: u64,
        view: &View,
        members: Vec<(u64, Vec<u8>)>,
        limits: &Limits,
    ) -> Result<Placed, Error> {
        if let Some(to) = self.is_open(now)? {
            return Ok(Placed::Moved(to));
        }
        if !self.shelves.contains_key(view) && self.shelves.len() >= limits.contexts {
            return Err(Error::full("the session has too many contexts"));
        }
        let latest = members.iter().map(|(delay, _)| *delay).max();
        let shelf = self.shelves.entry(view.clone()).or_default();
        let displaced = shelf.add(now, members, limits)?;
        let expires = now + millis(limits.expiry) + latest.unwrap_or_default();
        shelf.expires = shelf.expires.max(expires);
        Ok(Placed::Here { displaced })
    }
}

impl Shelf {
    fn add(
        &mut self,
        now: u64,
        members: Vec<(u64, Vec<u8>)>,
        limits: &Limits,
    ) -> Result<u64, Error> {
        let mut fresh: Vec<(u64, Vec<u8>)> = Vec::new();
        for (delay, member) in members {
            let Some(head) = wire::head(&member) else {
                continue;
            };
            let same = |other: &[u8]| wire::head(other).is_some_and(|other| other.id == head.id);
            if self.slots.iter().any(|slot| same(&slot.member))
                || fresh.iter().any(|(_, other)| same(other))
            {
                continue;
            }
            if let Some(tag) = head.tag {
                fresh.retain(|(_, other)| {
                    wire::head(other).is_none_or(|other| other.tag != Some(tag))
                });
            }
            fresh.push((delay, member));
        }
        let replaced = |slot: &Slot| {
            let tag = slot.head().and_then(|head| head.tag);
            tag.is_some()
                && fresh
                    .iter()
                    .any(|(_, other)| wire::head(other).and_then(|head| head.tag) == tag)
        };
        let staying = self.slots.iter().filter(|slot| !replaced(slot)).count();
        let over = (staying + fresh.len()).saturating_sub(limits.messages);
        if over > 0 && limits.full == Full::Reject {
            return Err(Error::full("the context is full"));
        }
        self.remove(replaced);
        self.slots.drain(..over.min(staying));
        fresh.drain(..over.saturating_sub(staying));
        for (delay, member) in fresh {
            self.put(now + delay, member);
        }
        self.displaced += over as u64;
        Ok(over as u64)
    }

    fn bytes(&self) -> usize {
        let cost = |slot: &Slot| slot.member.len() + MEMBER_COST;
        self.slots.iter().map(cost).sum()
    }
}

impl State {
    fn change<T>(
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
        session.shelves.retain(|_, shelf| shelf.expires > now);
        let outcome = operation(&mut session);
        self.put_in(now, owner, session);
        outcome
    }

    fn take_out(&mut self, owner: &Owner) -> Option<Session> {
        let session = self.sessions.remove(owner)?;
        self.expiries.remove(&(session.expires, owner.clone()));
        self.bytes -= session.shelves.values().map(Shelf::bytes).sum::<usize>();
        Some(session)
    }

    fn put_in(&mut self, now: u64, owner: Owner, mut session: Session) {
        session
            .shelves
            .retain(|_, shelf| !shelf.slots.is_empty() || shelf.displaced > 0);
        session.gone.take_if(|(_, until)| *until <= now);
        let shelves = session.shelves.values().map(|shelf| shelf.expires);
        let gone = session.gone.iter().map(|(_, until)| *until);
        let Some(expires) = shelves.chain(gone).max() else {
            return;
        };
        session.expires = expires;
        self.bytes += session.shelves.values().map(Shelf::bytes).sum::<usize>();
        self.expiries.insert((expires, owner.clone()));
        self.sessions.insert(owner, session);
    }

    /// Drops what has expired, and what would expire first while there is too much.
    fn make_room(&mut self, now: u64, max_bytes: usize) {
        while let Some((expires, owner)) = self.expiries.first().cloned()
            && (expires <= now || self.bytes > max_bytes)
        {
            self.take_out(&owner);
        }
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
            self.state().make_room(now, self.max_bytes);
            Ok(placed)
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
                self.change(context.app(), context.session(), |session| {
                    if let Some(shelf) = session.shelves.get_mut(context.view()) {
                        shelf.remove(|slot| members.contains(&slot.member));
                    }
                });
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
                        shelf.rescore(members, |slot| {
                            (slot.score == claim.until).then(|| slot.own_time(now))
                        });
                    }
                });
            }
            Ok(())
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, which: &'a Which) -> Answer<'a, u64> {
        Box::pin(async move {
            let removed = self.change(context.app(), context.session(), |session| {
                let shelf = session.shelves.get_mut(context.view());
                shelf.map_or(0, |shelf| shelf.remove(|slot| slot.is(which)))
            });
            Ok(removed)
        })
    }

    fn clear<'a>(&'a self, context: &'a Context) -> Answer<'a, ()> {
        Box::pin(async move {
            self.change(context.app(), context.session(), |session| {
                session.shelves.remove(context.view());
            });
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
                if let Some(period) = close {
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
        limits: &'a Limits,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let now = self.clock.now();
            // One lock over both sessions: in between, nobody may find the messages in neither.
            let mut state = self.state();
            let shelves = state.change(now, app, from, |session| match session.is_open(now)? {
                Some(moved) if moved == *to => Ok(BTreeMap::new()),
                Some(_) => Err(Error::closed()),
                None => {
                    session.gone = Some((Some(to.clone()), now + millis(limits.expiry)));
                    Ok(std::mem::take(&mut session.shelves))
                }
            });
            shelves.map(|shelves| {
                state.change(now, app, to, |session| {
                    for (view, shelf) in shelves {
                        session
                            .shelves
                            .entry(view)
                            .or_default()
                            .merge(shelf, limits);
                    }
                });
            })
        })
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> Answer<'a, Vec<View>> {
        Box::pin(async move {
            let now = self.clock.now();
            let views = self.change(app, session, |session| {
                let shelves = session.shelves.iter();
                let visible = shelves.filter(|(_, shelf)| shelf.is_visible(now));
                visible.map(|(view, _)| view.clone()).collect()
            });
            Ok(views)
        })
    }

    fn worker(self: Arc<Self>) -> Arc<dyn Store> {
        self
    }
}

impl Shelf {
    fn merge(&mut self, other: Self, limits: &Limits) {
        for slot in other.slots {
            if !self.slots.iter().any(|own| own.member == slot.member) {
                self.put(slot.score, slot.member);
            }
        }
        let over = self.slots.len().saturating_sub(limits.messages);
        self.slots.drain(..over);
        self.displaced += other.displaced + over as u64;
        self.expires = self.expires.max(other.expires);
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
