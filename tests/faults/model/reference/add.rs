//! The model of adds.

use super::super::call::{Bounds, ContextRef, NewMessage, Outcome, VIEWS};
use super::{Model, Record};

impl Model {
    pub(super) fn add(
        &mut self,
        context: ContextRef,
        messages: &[NewMessage],
        bounds: &Bounds,
    ) -> Outcome {
        match self.ended(context.session) {
            Some(Some(to)) => {
                self.record_outcome("session_moved", 1);
                return Outcome::SessionMoved(to);
            }
            Some(None) => {
                self.record_outcome("session_closed", 1);
                return Outcome::SessionClosed;
            }
            None => {}
        }
        if self.member_count(context) == 0 && self.context_count(context.session) >= bounds.contexts
        {
            self.record_outcome("too_many_contexts", 1);
            return Outcome::Full;
        }
        let new = self.without_repeats(context, messages);
        let max_delay = new.iter().map(|message| message.delay).max().unwrap_or(0);
        let new = last_of_each_tag(&new);

        let is_replaced = |record: &Record| record.context == context && has_tag_of(record, &new);
        let replaced = self.records.iter().filter(|record| is_replaced(record));
        let remaining = self.member_count(context) - replaced.count();
        let excess = (remaining + new.len()).saturating_sub(bounds.messages);
        if excess > 0 && bounds.reject {
            self.record_outcome("full", 1);
            return Outcome::Full;
        }
        self.remove("replaced", is_replaced);
        self.displace(context, excess.min(remaining));
        for message in new.iter().skip(excess.saturating_sub(remaining)) {
            self.record_outcome(
                if message.delay > 0 {
                    "scheduled"
                } else {
                    "added"
                },
                1,
            );
            self.records.push(Record {
                context,
                visible_from: self.now + message.delay,
                member: message.member.clone(),
            });
        }
        let expires_at = self.now + bounds.ttl + max_delay;
        let displaced = excess as u64;
        let state = self.state_of(context);
        state.expires_at = state.expires_at.max(expires_at);
        state.displaced += displaced;
        Outcome::Added { displaced }
    }

    fn context_count(&self, session: usize) -> usize {
        let contexts = (0..VIEWS.len()).map(|view| ContextRef { session, view });
        contexts
            .filter(|context| self.member_count(*context) > 0)
            .count()
    }

    /// Returns the messages whose ids are neither stored nor earlier in the batch.
    fn without_repeats(&mut self, context: ContextRef, messages: &[NewMessage]) -> Vec<NewMessage> {
        let records = self
            .records
            .iter()
            .filter(|record| record.context == context);
        let mut known_ids: Vec<_> = records.map(|record| record.member.id.clone()).collect();
        let mut new = Vec::new();
        for message in messages {
            if known_ids.contains(&message.member.id) {
                self.record_outcome("repeated", 1);
            } else {
                known_ids.push(message.member.id.clone());
                new.push(message.clone());
            }
        }
        new
    }
}

fn last_of_each_tag(batch: &[NewMessage]) -> Vec<NewMessage> {
    let mut last = Vec::new();
    for (at, message) in batch.iter().enumerate() {
        let tag = &message.member.tag;
        let mut later = batch[at + 1..].iter();
        if tag.is_none() || later.all(|later| later.member.tag != *tag) {
            last.push(message.clone());
        }
    }
    last
}

fn has_tag_of(record: &Record, batch: &[NewMessage]) -> bool {
    let tag = &record.member.tag;
    tag.is_some() && batch.iter().any(|message| message.member.tag == *tag)
}
