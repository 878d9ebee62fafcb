//! The model of reads, confirms and releases.

use super::super::call::{
    ContextRef, Member, MemberKind, ModelClaim, Outcome, ReadMode, ReadOutcome,
};
use super::{Model, Record};

impl Model {
    pub(super) fn read(&mut self, contexts: &[ContextRef], mode: ReadMode, age: u64) -> Outcome {
        let (mut outcome, mut claim) = (ReadOutcome::default(), ModelClaim::default());
        for context in contexts {
            let members = self.read_context(*context, mode, age, &mut outcome);
            claim
                .members
                .extend(members.into_iter().map(|member| (*context, member)));
        }
        outcome.messages.sort_by(|a, b| a.0.cmp(&b.0));
        self.record_outcome("returned", outcome.messages.len() as u64);
        self.record_outcome(
            "next_due_reported",
            u64::from(outcome.next_due_in.is_some()),
        );
        self.record_outcome("displaced_reported", u64::from(outcome.displaced > 0));
        self.record_outcome("undecodable", outcome.undecodable);
        self.record_outcome("unsupported", outcome.unsupported);
        let ReadMode::Claim { lease } = mode else {
            return Outcome::Read(outcome, ModelClaim::default());
        };
        if !claim.members.is_empty() {
            claim.lease_until = self.now + lease;
            claim.members.sort();
            self.claims.push(claim.clone());
        }
        Outcome::Read(outcome, claim)
    }

    /// Reads one context. Returns the members that a claim contains.
    fn read_context(
        &mut self,
        context: ContextRef,
        mode: ReadMode,
        age: u64,
        outcome: &mut ReadOutcome,
    ) -> Vec<String> {
        let now = self.now;
        let records = self
            .records
            .iter()
            .filter(|record| record.context == context);
        let later = records.clone().filter(|record| record.visible_from > now);
        let next = later.map(|record| record.visible_from - now).min();
        outcome.next_due_in = outcome.next_due_in.into_iter().chain(next).min();
        let mut due: Vec<_> = records
            .filter(|record| record.visible_from <= now)
            .collect();
        // Members with the same id are returned in the order of their times.
        due.sort_by_key(|record| (record.visible_from, &record.member.stored));
        let due: Vec<_> = due.iter().map(|record| record.member.clone()).collect();

        let mut claimed = Vec::new();
        for member in &due {
            let is_old = member
                .created_at
                .is_some_and(|created_at| created_at < now - age);
            if is_old {
                outcome.expired += 1;
                self.record_outcome("too_old", 1);
            } else if member.kind == MemberKind::UnsupportedVersion {
                outcome.unsupported += 1;
                continue;
            } else {
                self.add_to_outcome(member, outcome);
                claimed.push(member.stored.clone());
            }
            self.apply_mode(context, member, mode, is_old);
        }
        if !due.is_empty() {
            let state = self.state_of(context);
            outcome.displaced += state.displaced;
            if !matches!(mode, ReadMode::Peek) {
                state.displaced = 0;
            }
        }
        claimed
    }

    fn add_to_outcome(&mut self, member: &Member, outcome: &mut ReadOutcome) {
        if member.kind == MemberKind::Undecodable {
            outcome.undecodable += 1;
        } else if member.expires_at.is_some_and(|time| time <= self.now) {
            outcome.expired += 1;
            self.record_outcome("past_deadline", 1);
        } else {
            let id = member.id.clone().unwrap();
            let message = (id, member.text.clone(), member.tag.clone());
            outcome.messages.push(message);
        }
    }

    /// Changes a member that was read: leases it, removes it, or leaves it as it is.
    fn apply_mode(&mut self, context: ContextRef, member: &Member, mode: ReadMode, is_old: bool) {
        match mode {
            ReadMode::Peek => {}
            ReadMode::Claim { lease } if !is_old => {
                let until = self.now + lease;
                self.find(context, &member.stored).unwrap().visible_from = until;
            }
            ReadMode::Claim { .. } | ReadMode::Take => {
                self.remove("removed", |record| record.is(context, &member.stored));
            }
        }
    }

    fn find(&mut self, context: ContextRef, stored: &str) -> Option<&mut Record> {
        let mut records = self.records.iter_mut();
        records.find(|record| record.is(context, stored))
    }

    fn claim(&mut self, index: usize, follow: Option<usize>) -> ModelClaim {
        let claim = &mut self.claims[index];
        for (context, _) in &mut claim.members {
            context.session = follow.unwrap_or(context.session);
        }
        claim.clone()
    }

    pub(super) fn confirm(&mut self, index: usize, follow: Option<usize>) -> Outcome {
        let claim = self.claim(index, follow);
        for (context, stored) in &claim.members {
            self.confirm_one(*context, stored, claim.lease_until);
        }
        Outcome::Done
    }

    fn confirm_one(&mut self, mut context: ContextRef, stored: &str, lease_until: u64) {
        let mut outcome = "confirmed";
        loop {
            match self.find(context, stored) {
                None => self.record_outcome("confirmed_without_effect", 1),
                Some(record) if record.visible_from != lease_until => outcome = "confirmed_late",
                Some(_) => {}
            }
            self.remove(outcome, |record| record.is(context, stored));
            let Some(Some(to)) = self.ended(context.session) else {
                return;
            };
            context.session = to;
            outcome = "confirmed_after_migration";
        }
    }

    pub(super) fn release(&mut self, index: usize, follow: Option<usize>) -> Outcome {
        let now = self.now;
        let claim = self.claim(index, follow);
        for (context, stored) in &claim.members {
            let outcome = match self.find(*context, stored) {
                None => "released_without_effect",
                Some(record) if record.visible_from != claim.lease_until => "released_other_claim",
                Some(record) => {
                    let created_at = record.member.created_at.unwrap_or(now);
                    record.visible_from = created_at.min(now);
                    match follow {
                        None => "released",
                        Some(_) => "released_after_migration",
                    }
                }
            };
            self.record_outcome(outcome, 1);
        }
        Outcome::Done
    }
}
