//! The model of migrations.

use super::super::call::{Bounds, ContextRef, Migration, Outcome, VIEWS};
use super::{EndedSession, Model};

impl Model {
    pub(super) fn migrate(&mut self, migration: &Migration) -> Outcome {
        let Migration {
            from,
            to,
            open,
            ref bounds,
        } = *migration;
        match self.ended(from) {
            Some(migrated_to) if migrated_to == Some(to) => {
                self.record_outcome("migration_repeated", 1);
                return Outcome::Done;
            }
            Some(_) => {
                self.record_outcome("migration_of_ended_session", 1);
                return Outcome::SessionClosed;
            }
            None => {}
        }
        if from == to {
            self.record_outcome("migration_to_itself", 1);
            return Outcome::Done;
        }
        if self.ended(to).is_some() {
            if !open {
                self.record_outcome("migration_to_ended_session", 1);
                return Outcome::SessionClosed;
            }
            self.record_outcome("migration_reopened_session", 1);
            self.ended.retain(|ended| ended.session != to);
        }
        for view in 0..VIEWS.len() {
            self.migrate_context(view, from, to, bounds);
        }
        self.ended.push(EndedSession {
            session: from,
            migrated_to: Some(to),
            until: self.now + bounds.ttl,
        });
        Outcome::Done
    }

    fn migrate_context(&mut self, view: usize, from: usize, to: usize, bounds: &Bounds) {
        let (from, to) = (
            ContextRef {
                session: from,
                view,
            },
            ContextRef { session: to, view },
        );
        if self.member_count(from) == 0 {
            return;
        }
        let was_empty = self.member_count(to) == 0;
        let stored = self.records.iter().filter(|record| record.context == to);
        let stored: Vec<_> = stored.map(|record| record.member.stored.clone()).collect();
        self.remove("duplicate_merged", |record| {
            record.context == from && stored.contains(&record.member.stored)
        });
        let old = self.state_of(from).clone();
        for record in &mut self.records {
            if record.context == from {
                record.context = to;
            }
        }
        let excess = self.member_count(to).saturating_sub(bounds.messages);
        self.displace(to, excess);
        self.record_outcome(
            if was_empty {
                "context_migrated"
            } else {
                "context_merged"
            },
            1,
        );
        let state = self.state_of(to);
        state.expires_at = state.expires_at.max(old.expires_at);
        state.displaced += old.displaced + excess as u64;
    }
}
