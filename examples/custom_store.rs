//! A complete custom store, which keeps all messages in one list.
//!
//! Shows what the `Store` trait requires. Run it: `cargo run --example custom_store`
//! Run the conformance tests on it: `cargo test --example custom_store`

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use salver::store::{
    AddOutcome, Claim, ClaimedMembers, ContextStats, Issue, Limits, ReadResult, Selector, Store,
    StoreFuture, StoreStats, SweepProgress, WhenFull,
};
use salver::wire::{EncodedMessage, MemberHeader};
use salver::{Context, Error, Message, Salver, SessionId, View, wire};

/// Maximum number of moves that a confirm follows. Ends the loop of two sessions that moved to each
/// other.
const MAX_REDIRECTS: usize = 4;

/// One message in one context. A database would store these as the rows of a table.
///
/// All times are Unix times in milliseconds.
struct Row {
    context: Context,
    /// The time from which the message is visible. An add sets it to the end of the delay, a claim
    /// to the end of the lease, and a release to the message's creation.
    visible_from: u64,
    /// The message, as `wire::encode` writes it.
    member: Vec<u8>,
}

/// A session that rejects adds, because it was closed or has moved.
struct ClosedSession {
    app: String,
    session: SessionId,
    /// The new session id after a move; `None` after a close.
    moved_to: Option<SessionId>,
    /// The time at which this entry expires.
    until: u64,
}

#[derive(Default)]
struct Tables {
    rows: Vec<Row>,
    /// The contexts that have messages, and the time at which each expires.
    expiries: Vec<(Context, u64)>,
    /// The numbers of displaced messages that no claim or take has reported yet.
    displaced: Vec<(Context, u64)>,
    closed: Vec<ClosedSession>,
}

/// What a read does with the messages that it returns.
#[derive(Clone, Copy)]
enum ReadMode {
    Peek,
    Claim { lease_until: u64 },
    Take,
}

/// A store that keeps all messages in one list, under one lock.
#[derive(Default)]
pub struct ListStore(Mutex<Tables>);

impl std::fmt::Debug for ListStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ListStore")
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

fn now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    millis(since_epoch.unwrap_or_default())
}

fn is_in_session(context: &Context, app: &str, session: &SessionId) -> bool {
    context.app() == app && context.session() == session
}

/// Removes the first `count` rows that match.
fn remove_first(rows: &mut Vec<Row>, mut count: usize, matches: impl Fn(&Row) -> bool) {
    rows.retain(|row| {
        let is_removed = count > 0 && matches(row);
        count -= usize::from(is_removed);
        !is_removed
    });
}

impl Row {
    fn header(&self) -> Option<MemberHeader<'_>> {
        wire::member_header(&self.member)
    }

    fn id(&self) -> Option<&[u8]> {
        self.header().map(|header| header.id)
    }

    fn tag(&self) -> Option<&[u8]> {
        self.header().and_then(|header| header.tag)
    }

    /// Returns the time in the id, but never a time after `now`. A member without an id counts as
    /// created now.
    fn created_at(&self, now: u64) -> u64 {
        let created = self.header().and_then(|header| header.unix_ms());
        created.unwrap_or(now).min(now)
    }

    /// Returns whether a newer version of Salver wrote the member. Reads keep such a member.
    fn is_unsupported(&self) -> bool {
        self.header().is_some_and(|header| header.is_unsupported)
    }
}

impl ListStore {
    /// Locks the tables and removes expired entries. Every operation starts with this, so expiry
    /// needs no background task.
    fn lock(&self, now: u64) -> MutexGuard<'_, Tables> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.remove_expired(now);
        tables
    }

    /// Adds a raw member, as an external writer does. The conformance tests use this to add members
    /// that are not messages.
    pub fn put_member(&self, context: &Context, member: Vec<u8>) {
        let now = now();
        let mut tables = self.lock(now);
        tables.extend_expiry(context, now + millis(Limits::default().ttl));
        tables.rows.push(Row {
            context: context.clone(),
            visible_from: now,
            member,
        });
    }

    /// Reads the visible messages of contexts. Returns the result, and the members that it has
    /// decoded, by context.
    fn read(
        &self,
        contexts: &[Context],
        max_age: Duration,
        mode: ReadMode,
    ) -> (ReadResult, Vec<ClaimedMembers>) {
        let now = now();
        let oldest = now.saturating_sub(millis(max_age));
        let mut tables = self.lock(now);
        let (mut result, mut claimed) = (ReadResult::default(), Vec::new());
        for context in contexts {
            // A closed session has no messages, even if another program has written some.
            let is_closed = tables
                .closed_session(context.app(), context.session())
                .is_some();
            let is_visible =
                |row: &Row| !is_closed && row.context == *context && row.visible_from <= now;
            let is_too_old = |row: &Row| is_visible(row) && row.created_at(now) < oldest;
            let is_unsupported =
                |row: &Row| is_visible(row) && !is_too_old(row) && row.is_unsupported();
            let is_returned =
                |row: &Row| is_visible(row) && !is_too_old(row) && !row.is_unsupported();
            let Tables {
                rows, displaced, ..
            } = &mut *tables;

            for row in rows
                .iter()
                .filter(|row| row.context == *context && row.visible_from > now)
            {
                result.record_due_in(Duration::from_millis(row.visible_from - now));
            }
            result.expired += rows.iter().filter(|row| is_too_old(row)).count() as u64;
            result.unsupported += rows.iter().filter(|row| is_unsupported(row)).count() as u64;

            // Displaced messages are reported together with a visible message, not on their own.
            if rows.iter().any(is_visible) {
                for (_, count) in displaced.iter_mut().filter(|(other, _)| other == context) {
                    result.displaced += *count;
                    if !matches!(mode, ReadMode::Peek) {
                        *count = 0;
                    }
                }
            }

            let members: Vec<_> = rows
                .iter()
                .filter(|row| is_returned(row))
                .map(|row| row.member.clone())
                .collect();
            let members = result.decode_members(now, members);
            claimed.push(ClaimedMembers::new(context.clone(), members));

            match mode {
                ReadMode::Peek => {}
                ReadMode::Claim { lease_until } => {
                    rows.retain(|row| !is_too_old(row));
                    for row in rows.iter_mut().filter(|row| is_returned(row)) {
                        row.visible_from = lease_until;
                    }
                }
                ReadMode::Take => rows.retain(|row| !is_too_old(row) && !is_returned(row)),
            }
        }
        (result, claimed)
    }
}

impl Tables {
    /// Removes expired contexts and closed sessions. A context also ends with its last message, and
    /// its count of displaced messages ends with it.
    fn remove_expired(&mut self, now: u64) {
        let Self {
            rows,
            expiries,
            displaced,
            closed,
        } = self;
        closed.retain(|session| session.until > now);
        expiries.retain(|(context, until)| {
            *until > now && rows.iter().any(|row| row.context == *context)
        });
        let exists = |context: &Context| expiries.iter().any(|(other, _)| other == context);
        rows.retain(|row| exists(&row.context));
        displaced.retain(|(context, _)| exists(context));
    }

    /// Sets the time at which a context expires, unless it already expires later.
    fn extend_expiry(&mut self, context: &Context, until: u64) {
        let mut expiries = self.expiries.iter_mut();
        match expiries.find(|(other, _)| other == context) {
            Some((_, expiry)) => *expiry = until.max(*expiry),
            None => self.expiries.push((context.clone(), until)),
        }
    }

    /// Returns the latest entry for a session that was closed or has moved.
    fn closed_session(&self, app: &str, session: &SessionId) -> Option<&ClosedSession> {
        self.closed
            .iter()
            .rev()
            .find(|closed| closed.app == app && closed.session == *session)
    }

    /// Adds messages to one context, all of them or none.
    fn add(
        &mut self,
        now: u64,
        context: &Context,
        messages: &[EncodedMessage],
        limits: &Limits,
    ) -> Result<AddOutcome, Error> {
        if let Some(closed) = self.closed_session(context.app(), context.session()) {
            return match &closed.moved_to {
                Some(session) => Ok(AddOutcome::SessionMoved(session.clone())),
                None => Err(Error::session_closed()),
            };
        }
        self.check_context_count(context, limits)?;

        // The new rows. A message whose id is already stored, or is earlier in the batch, is
        // skipped. A tag replaces earlier messages of the batch.
        let mut new_rows: Vec<Row> = Vec::new();
        let mut longest_delay = 0;
        for (index, encoded) in messages.iter().enumerate() {
            let message = encoded.message();
            let row = Row {
                context: context.clone(),
                visible_from: now + millis(message.delay()),
                member: encoded.member().to_vec(),
            };
            let is_same = |other: &Row| other.context == *context && other.id() == row.id();
            let mut earlier = messages.iter().take(index);
            if earlier.any(|other| other.message().id() == message.id())
                || self.rows.iter().any(is_same)
            {
                continue;
            }
            new_rows.retain(|other| other.tag().is_none() || other.tag() != row.tag());
            longest_delay = longest_delay.max(millis(message.delay()));
            new_rows.push(row);
        }

        // The capacity. Nothing changes before the last error.
        let is_here = |row: &Row| row.context == *context;
        let is_replaced = |row: &Row| {
            is_here(row) && row.tag().is_some() && new_rows.iter().any(|new| new.tag() == row.tag())
        };
        let remaining = self.rows.iter();
        let remaining = remaining
            .filter(|row| is_here(row) && !is_replaced(row))
            .count();
        let excess = (remaining + new_rows.len()).saturating_sub(limits.max_messages);
        if excess > 0 && limits.when_full == WhenFull::Reject {
            return Err(Error::full("the context is full"));
        }

        // Displaces the messages with the earliest times, and only then adds, so that a context
        // full of leased messages keeps the new ones.
        self.rows.retain(|row| !is_replaced(row));
        self.rows.sort_by_key(|row| row.visible_from);
        remove_first(&mut self.rows, excess.min(remaining), is_here);
        let displaced_new = excess.saturating_sub(remaining);
        self.rows.extend(new_rows.into_iter().skip(displaced_new));
        self.displaced.push((context.clone(), excess as u64));
        self.extend_expiry(context, now + millis(limits.ttl) + longest_delay);
        Ok(AddOutcome::Added {
            displaced: excess as u64,
        })
    }

    /// Returns an error if an add to this context would exceed the maximum number of contexts.
    fn check_context_count(&self, context: &Context, limits: &Limits) -> Result<(), Error> {
        let contexts = self.rows.iter().map(|row| &row.context);
        let mut contexts: Vec<_> = contexts
            .filter(|other| is_in_session(other, context.app(), context.session()))
            .collect();
        contexts.sort();
        contexts.dedup();
        if !contexts.contains(&context) && contexts.len() >= limits.max_contexts {
            return Err(Error::full("the session has too many contexts"));
        }
        Ok(())
    }

    /// Moves everything of one session to another. A message that both sessions have stays as it is
    /// in the target.
    fn move_session(&mut self, app: &str, from: &SessionId, to: &SessionId) {
        let in_target = self.rows.iter();
        let in_target = in_target.filter(|row| is_in_session(&row.context, app, to));
        let duplicates: Vec<_> = in_target
            .map(|row| (row.context.with_session(from.clone()), row.member.clone()))
            .collect();
        self.rows
            .retain(|row| !duplicates.contains(&(row.context.clone(), row.member.clone())));

        let rows = self.rows.iter_mut().map(|row| &mut row.context);
        let displaced = self.displaced.iter_mut().map(|(context, _)| context);
        let expiries = self.expiries.iter_mut().map(|(context, _)| context);
        for context in rows.chain(displaced).chain(expiries) {
            if is_in_session(context, app, from) {
                *context = context.with_session(to.clone());
            }
        }
    }

    /// Displaces the messages with the earliest times from each context of a session that has too
    /// many.
    fn displace_excess(&mut self, app: &str, session: &SessionId, limits: &Limits) {
        self.rows.sort_by_key(|row| row.visible_from);
        for (context, _) in &self.expiries {
            let is_here = |row: &Row| row.context == *context;
            let count = self.rows.iter().filter(|row| is_here(row)).count();
            let excess = count.saturating_sub(limits.max_messages);
            if is_in_session(context, app, session) && excess > 0 {
                remove_first(&mut self.rows, excess, is_here);
                self.displaced.push((context.clone(), excess as u64));
            }
        }
    }
}

impl Store for ListStore {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [EncodedMessage],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome> {
        Box::pin(async move {
            let now = now();
            let outcome = self.lock(now).add(now, context, messages, limits)?;
            match outcome {
                // A store without replicas adds the messages, but cannot acknowledge any replica.
                AddOutcome::Added { .. } if limits.replicas > 0 => {
                    Err(Error::insufficient_replicas())
                }
                outcome => Ok(outcome),
            }
        })
    }

    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move { Ok(self.read(contexts, age, ReadMode::Peek).0) })
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        age: Duration,
    ) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let lease_until = now() + millis(lease);
            let mut claim = Claim::default();
            claim.lease_until_ms = lease_until;
            (claim.result, claim.members) =
                self.read(contexts, age, ReadMode::Claim { lease_until });
            Ok(claim)
        })
    }

    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move { Ok(self.read(contexts, age, ReadMode::Take).0) })
    }

    fn confirm<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tables = self.lock(now());
            for claimed in &claim.members {
                let mut context = claimed.context.clone();
                // The session may have moved since the claim.
                for _ in 0..MAX_REDIRECTS {
                    tables.rows.retain(|row| {
                        row.context != context || !claimed.members.contains(&row.member)
                    });
                    let closed = tables.closed_session(context.app(), context.session());
                    match closed.and_then(|closed| closed.moved_to.clone()) {
                        Some(session) => context = context.with_session(session),
                        None => break,
                    }
                }
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let now = now();
            let mut tables = self.lock(now);
            for claimed in &claim.members {
                // If the lease has expired, another claim may hold the message: its end differs.
                let is_still_claimed = |row: &&mut Row| {
                    row.context == claimed.context
                        && row.visible_from == claim.lease_until_ms
                        && claimed.members.contains(&row.member)
                };
                for row in tables.rows.iter_mut().filter(is_still_claimed) {
                    row.visible_from = row.created_at(now);
                }
            }
            Ok(())
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, selector: &'a Selector) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let is_selected = |row: &Row| match selector {
                Selector::Tag(tag) => row.tag() == Some(tag.as_bytes()),
                Selector::Ids(ids) => ids
                    .iter()
                    .any(|id| row.id() == Some(id.to_string().as_bytes())),
                _ => false,
            };
            let mut tables = self.lock(now());
            let before = tables.rows.len();
            tables
                .rows
                .retain(|row| row.context != *context || !is_selected(row));
            Ok((before - tables.rows.len()) as u64)
        })
    }

    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            // Expires the context. The next operation removes its rows.
            let mut tables = self.lock(now());
            tables.expiries.retain(|(other, _)| other != context);
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
            let now = now();
            let mut tables = self.lock(now);
            tables
                .expiries
                .retain(|(context, _)| !is_in_session(context, app, session));
            if let Some(period) = close
                && tables.closed_session(app, session).is_none()
            {
                tables.closed.push(ClosedSession {
                    app: app.to_owned(),
                    session: session.clone(),
                    moved_to: None,
                    until: now + millis(period),
                });
            }
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
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let now = now();
            let mut tables = self.lock(now);
            match tables.closed_session(app, from) {
                // A repeated call changes nothing.
                Some(closed) if closed.moved_to.as_ref() == Some(to) => return Ok(()),
                Some(_) => return Err(Error::session_closed()),
                None => {}
            }
            if from == to {
                return Ok(());
            }
            if !open && tables.closed_session(app, to).is_some() {
                return Err(Error::session_closed());
            }
            tables
                .closed
                .retain(|closed| closed.app != app || closed.session != *to);
            tables.closed.push(ClosedSession {
                app: app.to_owned(),
                session: from.clone(),
                moved_to: Some(to.clone()),
                until: now + millis(limits.ttl),
            });
            tables.move_session(app, from, to);
            tables.displace_excess(app, to, limits);
            Ok(())
        })
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>> {
        Box::pin(async move {
            let now = now();
            let tables = self.lock(now);
            if tables.closed_session(app, session).is_some() {
                return Ok(Vec::new());
            }
            let visible = tables
                .rows
                .iter()
                .filter(|row| is_in_session(&row.context, app, session) && row.visible_from <= now);
            let mut views: Vec<_> = visible.map(|row| row.context.view().clone()).collect();
            views.sort();
            views.dedup();
            Ok(views)
        })
    }

    /// Removes old messages in a single step, so the cursor is not used.
    fn sweep<'a>(
        &'a self,
        app: &'a str,
        age: Duration,
        _from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress> {
        Box::pin(async move {
            let now = now();
            let oldest = now.saturating_sub(millis(age));
            let mut tables = self.lock(now);
            let before = tables.rows.len();
            let is_old = |row: &Row| row.context.app() == app && row.created_at(now) < oldest;
            tables.rows.retain(|row| !is_old(row));
            let mut progress = SweepProgress::default();
            progress.removed = (before - tables.rows.len()) as u64;
            Ok(progress)
        })
    }

    /// Counts all messages in a single step, so the cursor is not used.
    fn stats<'a>(&'a self, app: &'a str, _from: Option<&'a str>) -> StoreFuture<'a, StoreStats> {
        Box::pin(async move {
            let now = now();
            let tables = self.lock(now);
            let mut stats = StoreStats::default();
            let contexts = tables.expiries.iter().map(|(context, _)| context);
            for context in contexts.filter(|context| context.app() == app) {
                let rows = tables.rows.iter().filter(|row| row.context == *context);
                let bytes = rows.clone().map(|row| row.member.len() as u64).sum();
                let oldest = rows.clone().map(|row| row.created_at(now)).min();
                stats.add_context(&ContextStats::new(rows.count() as u64, bytes, oldest));
            }
            Ok(stats)
        })
    }

    /// Returns no issues: a list in memory depends on no server.
    fn health_check<'a>(&'a self, _app: &'a str) -> StoreFuture<'a, Vec<Issue>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Returns the store itself, because it has no connections that belong to a runtime.
    fn for_current_runtime(self: Arc<Self>) -> Arc<dyn Store> {
        self
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let salver = Salver::new("shop", ListStore::default())?;
    let context = salver.context(SessionId::new("ada")?, "settings")?;
    salver
        .add(&context, Message::success("Kept in a list."))
        .await?;

    assert_eq!(salver.stats(|_| ()).await?.messages, 1);
    let claim = salver.claim(&context).await?;
    for message in claim.messages() {
        println!("{}", message.text());
    }
    salver.confirm(&claim).await?;
    assert_eq!(salver.count(&context).await?, 0);
    Ok(())
}

// One test for each requirement of a store. A crate has this in a test module.
#[cfg(test)]
salver::conformance_tests! { store_under_test() }

#[cfg(test)]
fn store_under_test() -> salver::store::conformance::StoreUnderTest {
    let store = Arc::new(ListStore::default());
    let raw = Arc::clone(&store);
    salver::store::conformance::StoreUnderTest::new(store, move |context, member| {
        raw.put_member(&context, member);
        async {}
    })
}
