//! A second, naive implementation of the store semantics: one flat, unordered list that shares no
//! code with the stores.

mod add;
mod claims;
mod migrate;

use std::collections::BTreeMap;

use super::call::{Call, ContextRef, Member, ModelClaim, Outcome, PUT_TTL, Target};

#[derive(Clone)]
struct Record {
    context: ContextRef,
    visible_from: u64,
    member: Member,
}

impl Record {
    fn is(&self, context: ContextRef, stored: &str) -> bool {
        self.context == context && self.member.stored == stored
    }
}

/// The state of a context that has records.
#[derive(Clone)]
struct ContextState {
    context: ContextRef,
    expires_at: u64,
    displaced: u64,
}

/// A session that was closed or migrated.
struct EndedSession {
    session: usize,
    /// `None` if the session was closed.
    migrated_to: Option<usize>,
    /// When the session can be used again.
    until: u64,
}

/// All stored data, and the claims so far.
#[derive(Default)]
pub struct Model {
    now: u64,
    records: Vec<Record>,
    states: Vec<ContextState>,
    ended: Vec<EndedSession>,
    claims: Vec<ModelClaim>,
    /// How often each outcome occurred.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Model {
    /// Returns the number of claims so far.
    pub fn claims(&self) -> usize {
        self.claims.len()
    }

    /// Sets the time and removes what has expired.
    pub fn advance_to(&mut self, now: u64) {
        self.now = now;
        let is_expired = |state: &&ContextState| state.expires_at <= now;
        let expired: Vec<_> = self.states.iter().filter(is_expired).collect();
        let expired: Vec<_> = expired.iter().map(|state| state.context).collect();
        self.remove("ttl_expired", |record| expired.contains(&record.context));
        let before = self.ended.len();
        self.ended.retain(|ended| ended.until > now);
        self.record_outcome("session_reopened", (before - self.ended.len()) as u64);
        self.drop_empty_contexts();
    }

    pub fn execute(&mut self, call: &Call) -> Outcome {
        let (operation, outcome) = match call {
            Call::Add(context, messages, bounds) => ("add", self.add(*context, messages, bounds)),
            Call::Read(contexts, mode, age) => (mode.name(), self.read(contexts, *mode, *age)),
            Call::Confirm(index, follow) => ("confirm", self.confirm(*index, *follow)),
            Call::Release(index, follow) => ("release", self.release(*index, *follow)),
            Call::Retract(context, target) => ("retract", self.retract(*context, target)),
            Call::Clear(context) => ("clear", self.clear(*context)),
            Call::ClearSession(session, close) => {
                ("clear_session", self.clear_session(*session, *close))
            }
            Call::Migrate(migration) => ("migrate", self.migrate(migration)),
            Call::Contexts(session) => ("contexts", self.contexts(*session)),
            Call::Put(context, member) => ("put", self.put(*context, member)),
        };
        self.record_outcome(operation, 1);
        self.drop_empty_contexts();
        outcome
    }

    /// Returns this context if it has records, else another one that has. External writers use only
    /// such contexts: in Redis a context of an external writer alone is not part of any session
    /// index, and the memory store has no such contexts.
    pub fn context_in_use(&self, context: ContextRef) -> Option<ContextRef> {
        let mut contexts = self.records.iter().map(|record| record.context);
        let first = contexts.next()?;
        Some(contexts.find(|other| *other == context).unwrap_or(first))
    }

    fn member_count(&self, context: ContextRef) -> usize {
        let records = self
            .records
            .iter()
            .filter(|record| record.context == context);
        records.count()
    }

    fn record_outcome(&mut self, outcome: &'static str, times: u64) {
        *self.counts.entry(outcome).or_default() += times;
    }

    fn remove(&mut self, outcome: &'static str, is_removed: impl Fn(&Record) -> bool) -> u64 {
        let before = self.records.len();
        self.records.retain(|record| !is_removed(record));
        let removed = (before - self.records.len()) as u64;
        self.record_outcome(outcome, removed);
        removed
    }

    fn drop_empty_contexts(&mut self) {
        let mut states = std::mem::take(&mut self.states);
        states.retain(|state| self.member_count(state.context) > 0);
        self.states = states;
    }

    fn state_of(&mut self, context: ContextRef) -> &mut ContextState {
        if !self.states.iter().any(|state| state.context == context) {
            self.states.push(ContextState {
                context,
                expires_at: 0,
                displaced: 0,
            });
        }
        let mut states = self.states.iter_mut();
        states.find(|state| state.context == context).unwrap()
    }

    /// Returns `None` if the session is open, `Some(None)` if it was closed, and `Some(Some(to))`
    /// if it migrated.
    fn ended(&self, session: usize) -> Option<Option<usize>> {
        let mut ended = self.ended.iter();
        let ended = ended.find(|ended| ended.session == session);
        ended.map(|ended| ended.migrated_to)
    }

    /// Removes the records with the lowest time, and of the same time those with the lowest bytes.
    fn displace(&mut self, context: ContextRef, times: usize) {
        for _ in 0..times {
            let records = self
                .records
                .iter()
                .filter(|record| record.context == context);
            let lowest = records.min_by_key(|record| (record.visible_from, &record.member.stored));
            let lowest = lowest.unwrap().member.stored.clone();
            self.remove("displaced", |record| record.is(context, &lowest));
        }
    }

    fn retract(&mut self, context: ContextRef, target: &Target) -> Outcome {
        let is_selected = |member: &Member| match target {
            Target::Tag(tag) => member.tag.as_ref() == Some(tag),
            Target::Id(id) => member.id.as_ref() == Some(id),
        };
        let is_removed = |record: &Record| record.context == context && is_selected(&record.member);
        Outcome::Count(self.remove("retracted", is_removed))
    }

    fn clear(&mut self, context: ContextRef) -> Outcome {
        self.remove("cleared", |record| record.context == context);
        Outcome::Done
    }

    fn clear_session(&mut self, session: usize, close: Option<u64>) -> Outcome {
        self.remove("cleared", |record| record.context.session == session);
        if let Some(period) = close
            && self.ended(session).is_none()
        {
            let (migrated_to, until) = (None, self.now + period);
            self.ended.push(EndedSession {
                session,
                migrated_to,
                until,
            });
        }
        Outcome::Done
    }

    fn contexts(&mut self, session: usize) -> Outcome {
        let is_visible =
            |record: &&Record| record.context.session == session && record.visible_from <= self.now;
        let visible = self.records.iter().filter(is_visible);
        let mut views: Vec<_> = visible.map(|record| record.context.view).collect();
        views.sort_unstable();
        views.dedup();
        self.record_outcome("listed", views.len() as u64);
        Outcome::Views(views)
    }

    fn put(&mut self, context: ContextRef, member: &Member) -> Outcome {
        if self
            .records
            .iter()
            .any(|record| record.is(context, &member.stored))
        {
            self.record_outcome("put_again", 1);
        } else {
            self.records.push(Record {
                context,
                visible_from: self.now,
                member: member.clone(),
            });
        }
        let expires_at = self.now + PUT_TTL;
        let state = self.state_of(context);
        state.expires_at = state.expires_at.max(expires_at);
        Outcome::Done
    }
}
