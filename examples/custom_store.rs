//! A whole store of one's own: every message in one list, every law kept.
//!
//! Shows what the `Store` trait asks for. Run it: `cargo run --example custom_store`
//! Put it to the laws: `cargo test --example custom_store`

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use salver::store::{
    AddOutcome, Claim, ClaimedMembers, Issue, Limits, ReadResult, Selector, Store, StoreFuture,
    SweepProgress, WhenFull,
};
use salver::{Context, Error, Message, Salver, SessionId, View, wire};

/// One message in one context. A database would keep these as rows.
struct Row {
    context: Context,
    shown_from: u64,
    member: Vec<u8>,
}

/// A context's life and what it lost; for a session, where it went.
#[derive(Default)]
struct Books {
    lives: Vec<(Context, u64)>,
    displaced: Vec<(Context, u64)>,
    gone: Vec<(String, SessionId, Option<SessionId>, u64)>,
}

#[derive(Default)]
struct Tables {
    rows: Vec<Row>,
    books: Books,
}

/// Keeps messages in one list.
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
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    millis(since.unwrap_or_default())
}

impl Row {
    fn id(&self) -> Option<&[u8]> {
        wire::member_header(&self.member).map(|head| head.id)
    }

    fn tag(&self) -> Option<&[u8]> {
        wire::member_header(&self.member).and_then(|head| head.tag)
    }

    fn written(&self, now: u64) -> u64 {
        let written = wire::member_header(&self.member).and_then(|head| head.unix_ms());
        written.unwrap_or(now).min(now)
    }

    fn is_newer(&self) -> bool {
        wire::member_header(&self.member).is_some_and(|head| head.is_unsupported)
    }
}

fn remove_first(rows: &mut Vec<Row>, mut count: usize, meant: impl Fn(&Row) -> bool) {
    rows.retain(|row| {
        let goes = count > 0 && meant(row);
        count -= usize::from(goes);
        !goes
    });
}

impl ListStore {
    /// Locks the tables and drops the contexts whose life has ended: expiry is judged on read.
    fn tables(&self, now: u64) -> MutexGuard<'_, Tables> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Tables { rows, books } = &mut *tables;
        books.gone.retain(|(_, _, _, until)| *until > now);
        books.lives.retain(|(context, until)| {
            *until > now && rows.iter().any(|row| row.context == *context)
        });
        rows.retain(|row| {
            books
                .lives
                .iter()
                .any(|(context, _)| *context == row.context)
        });
        books
            .displaced
            .retain(|(context, _)| books.lives.iter().any(|(other, _)| other == context));
        tables
    }

    /// Puts a member in that no message may look like: what a foreign writer could leave behind.
    pub fn put_member(&self, context: &Context, member: Vec<u8>) {
        let now = now();
        let mut tables = self.tables(now);
        tables
            .books
            .live(context, now + millis(Limits::default().ttl));
        tables.rows.push(Row {
            context: context.clone(),
            shown_from: now,
            member,
        });
    }

    /// What all three looks share; `then` says what becomes of the visible rows.
    fn look(
        &self,
        contexts: &[Context],
        age: Duration,
        changes: bool,
        then: impl Fn(&mut Vec<Row>, &dyn Fn(&Row) -> bool),
    ) -> (ReadResult, Vec<ClaimedMembers>) {
        let now = now();
        let mut tables = self.tables(now);
        let (mut found, mut held) = (ReadResult::default(), Vec::new());
        for context in contexts {
            let oldest = now.saturating_sub(millis(age));
            let closed = tables
                .books
                .moved(context.app(), context.session())
                .is_some();
            let here = |row: &Row| !closed && row.context == *context && row.shown_from <= now;
            let old = |row: &Row| here(row) && row.written(now) < oldest;
            let seen = |row: &Row| here(row) && !old(row) && !row.is_newer();
            let rows = &mut tables.rows;
            let any = rows.iter().any(here);

            for row in rows
                .iter()
                .filter(|row| row.context == *context && row.shown_from > now)
            {
                found.note_due_in(Duration::from_millis(row.shown_from - now));
            }
            found.expired += rows.iter().filter(|row| old(row)).count() as u64;
            found.unsupported += rows
                .iter()
                .filter(|row| here(row) && !old(row) && row.is_newer())
                .count() as u64;
            let members: Vec<_> = rows
                .iter()
                .filter(|row| seen(row))
                .map(|row| row.member.clone())
                .collect();
            let members = found.read_members(now, members);
            held.push(ClaimedMembers::new(context.clone(), members));
            if changes {
                rows.retain(|row| !old(row));
                then(rows, &seen);
            }
            // Told with what is shown: not by a page that has nothing else to say.
            let told = tables.books.displaced.iter_mut();
            for (_, count) in told.filter(|(other, _)| other == context && any) {
                found.displaced += *count;
                *count = if changes { 0 } else { *count };
            }
        }
        (found, held)
    }
}

impl Books {
    fn live(&mut self, context: &Context, until: u64) {
        match self.lives.iter_mut().find(|(other, _)| other == context) {
            Some((_, life)) => *life = until.max(*life),
            None => self.lives.push((context.clone(), until)),
        }
    }

    fn moved(&self, app: &str, session: &SessionId) -> Option<&Option<SessionId>> {
        let gone = self
            .gone
            .iter()
            .rev()
            .find(|(a, s, _, _)| a == app && s == session);
        gone.map(|(_, _, to, _)| to)
    }
}

impl Tables {
    /// Makes contexts that were merged fit again, oldest first.
    fn trim(&mut self, app: &str, session: &SessionId, limits: &Limits) {
        self.rows.sort_by_key(|row| row.shown_from);
        let Self { rows, books } = self;
        for (context, _) in books.lives.iter() {
            let here = |row: &&Row| row.context == *context;
            let over = rows
                .iter()
                .filter(here)
                .count()
                .saturating_sub(limits.max_messages);
            if context.app() == app && context.session() == session && over > 0 {
                remove_first(rows, over, |row| row.context == *context);
                books.displaced.push((context.clone(), over as u64));
            }
        }
    }

    fn add(
        &mut self,
        now: u64,
        context: &Context,
        messages: &[Message],
        limits: &Limits,
    ) -> Result<AddOutcome, Error> {
        match self.books.moved(context.app(), context.session()) {
            Some(Some(to)) => return Ok(AddOutcome::SessionMoved(to.clone())),
            Some(None) => return Err(Error::closed()),
            None => {}
        }
        let session =
            |other: &Context| other.app() == context.app() && other.session() == context.session();
        let mut others: Vec<_> = self
            .rows
            .iter()
            .map(|row| &row.context)
            .filter(|other| session(other))
            .collect();
        others.sort();
        others.dedup();
        if !others.contains(&context) && others.len() >= limits.max_contexts {
            return Err(Error::full("the session has too many contexts"));
        }

        let mut rows: Vec<Row> = Vec::new();
        let mut latest = 0;
        for (at, message) in messages.iter().enumerate() {
            let member = wire::encode(message)?;
            let row = Row {
                context: context.clone(),
                shown_from: now + millis(message.delay()),
                member,
            };
            let same = |other: &Row| other.context == *context && other.id() == row.id();
            let mut before = messages.iter().take(at);
            if before.any(|other| other.id() == message.id()) || self.rows.iter().any(same) {
                continue;
            }
            rows.retain(|other| other.tag().is_none() || other.tag() != row.tag());
            latest = latest.max(millis(message.delay()));
            rows.push(row);
        }
        let replaced = |row: &Row| {
            row.context == *context
                && row.tag().is_some()
                && rows.iter().any(|new| new.tag() == row.tag())
        };
        let staying = self
            .rows
            .iter()
            .filter(|row| row.context == *context && !replaced(row))
            .count();
        let over = (staying + rows.len()).saturating_sub(limits.max_messages);
        if over > 0 && limits.when_full == WhenFull::Reject {
            return Err(Error::full("the context is full"));
        }
        self.rows.retain(|row| !replaced(row));
        self.rows.sort_by_key(|row| row.shown_from);
        let here = |row: &Row| row.context == *context;
        remove_first(&mut self.rows, over.min(staying), here);
        self.rows
            .extend(rows.into_iter().skip(over.saturating_sub(staying)));
        self.books.displaced.push((context.clone(), over as u64));
        self.books.live(context, now + millis(limits.ttl) + latest);
        Ok(AddOutcome::Added {
            displaced: over as u64,
        })
    }
}

impl Store for ListStore {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [Message],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome> {
        Box::pin(async move {
            let now = now();
            let placed = self.tables(now).add(now, context, messages, limits)?;
            match placed {
                AddOutcome::Added { .. } if limits.replicas > 0 => {
                    Err(Error::insufficient_replicas())
                }
                placed => Ok(placed),
            }
        })
    }

    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move { Ok(self.look(contexts, age, false, |_, _| ()).0) })
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        age: Duration,
    ) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let mut claim = Claim::default();
            claim.lease_until_ms = now() + millis(lease);
            (claim.result, claim.members) = self.look(contexts, age, true, |rows, seen| {
                for row in rows.iter_mut().filter(|row| seen(row)) {
                    row.shown_from = claim.lease_until_ms;
                }
            });
            Ok(claim)
        })
    }

    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        Box::pin(async move {
            Ok(self
                .look(contexts, age, true, |rows, seen| {
                    rows.retain(|row| !seen(row))
                })
                .0)
        })
    }

    fn confirm<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tables = self.tables(now());
            let Tables { rows, books } = &mut *tables;
            for held in &claim.members {
                let mut context = held.context.clone();
                for _ in 0..4 {
                    rows.retain(|row| {
                        row.context != context || !held.members.contains(&row.member)
                    });
                    match books.moved(context.app(), context.session()) {
                        Some(Some(session)) => context = context.with_session(session.clone()),
                        _ => break,
                    }
                }
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let now = now();
            for held in &claim.members {
                let still = |row: &&mut Row| {
                    row.context == held.context
                        && row.shown_from == claim.lease_until_ms
                        && held.members.contains(&row.member)
                };
                for row in self.tables(now).rows.iter_mut().filter(still) {
                    row.shown_from = row.written(now);
                }
            }
            Ok(())
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, which: &'a Selector) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let is_one = |row: &Row| match which {
                Selector::Tag(tag) => row.tag() == Some(tag.as_bytes()),
                Selector::Ids(ids) => ids
                    .iter()
                    .any(|id| row.id() == Some(id.to_string().as_bytes())),
                _ => false,
            };
            let meant = |row: &Row| row.context == *context && is_one(row);
            let mut tables = self.tables(now());
            let before = tables.rows.len();
            tables.rows.retain(|row| !meant(row));
            Ok((before - tables.rows.len()) as u64)
        })
    }

    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tables = self.tables(now());
            tables.books.lives.retain(|(other, _)| other != context);
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
            let books = &mut self.tables(now).books;
            books
                .lives
                .retain(|(other, _)| other.app() != app || other.session() != session);
            if let Some(period) = close
                && books.moved(app, session).is_none()
            {
                books
                    .gone
                    .push((app.to_owned(), session.clone(), None, now + millis(period)));
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
            let mut tables = self.tables(now);
            let Tables { rows, books } = &mut *tables;
            match books.moved(app, from) {
                Some(Some(moved)) if moved == to => return Ok(()),
                Some(_) => return Err(Error::closed()),
                None => {}
            }
            if from == to {
                return Ok(());
            }
            if !open && books.moved(app, to).is_some() {
                return Err(Error::closed());
            }
            books
                .gone
                .retain(|(other, session, _, _)| other != app || session != to);
            let until = now + millis(limits.ttl);
            books
                .gone
                .push((app.to_owned(), from.clone(), Some(to.clone()), until));
            let there = rows
                .iter()
                .filter(|row| row.context.app() == app && row.context.session() == to);
            let both: Vec<_> = there
                .map(|row| (row.context.with_session(from.clone()), row.member.clone()))
                .collect();
            rows.retain(|row| !both.contains(&(row.context.clone(), row.member.clone())));
            let contexts = rows.iter_mut().map(|row| &mut row.context);
            let contexts = contexts.chain(books.displaced.iter_mut().map(|(context, _)| context));
            let contexts = contexts.chain(books.lives.iter_mut().map(|(context, _)| context));
            for context in
                contexts.filter(|context| context.app() == app && context.session() == from)
            {
                *context = context.with_session(to.clone());
            }
            tables.trim(app, to, limits);
            Ok(())
        })
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>> {
        Box::pin(async move {
            let now = now();
            let tables = self.tables(now);
            let closed = tables.books.moved(app, session).is_some();
            let own = |row: &&Row| {
                !closed
                    && row.context.app() == app
                    && row.context.session() == session
                    && row.shown_from <= now
            };
            let mut views: Vec<_> = tables
                .rows
                .iter()
                .filter(own)
                .map(|row| row.context.view().clone())
                .collect();
            views.sort();
            views.dedup();
            Ok(views)
        })
    }

    fn sweep<'a>(
        &'a self,
        app: &'a str,
        age: Duration,
        _from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress> {
        Box::pin(async move {
            let now = now();
            let oldest = now.saturating_sub(millis(age));
            let mut tables = self.tables(now);
            let before = tables.rows.len();
            let old = |row: &Row| row.context.app() == app && row.written(now) < oldest;
            tables.rows.retain(|row| !old(row));
            let mut swept = SweepProgress::default();
            swept.removed = (before - tables.rows.len()) as u64;
            Ok(swept)
        })
    }

    fn health_check<'a>(&'a self, _app: &'a str) -> StoreFuture<'a, Vec<Issue>> {
        Box::pin(async { Ok(Vec::new()) })
    }

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

    let claim = salver.claim(&context).await?;
    for message in claim.messages() {
        println!("{}", message.text());
    }
    salver.confirm(&claim).await?;
    assert_eq!(salver.count(&context).await?, 0);
    Ok(())
}

// One test for each law; in a crate of your own they would stand in a module of tests.
#[cfg(test)]
salver::conformance_tests! { subject() }

#[cfg(test)]
fn subject() -> salver::store::conformance::StoreUnderTest {
    let store = Arc::new(ListStore::default());
    let foreign = Arc::clone(&store);
    salver::store::conformance::StoreUnderTest::new(store, move |context, member| {
        foreign.put_member(&context, member);
        async {}
    })
}
