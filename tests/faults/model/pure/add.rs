//! Adds, once more.

use super::super::call::{Answer, Bounds, Place, Sent, VIEWS};
use super::{Model, Record};

impl Model {
    pub(super) fn add(&mut self, place: Place, sent: &[Sent], bounds: &Bounds) -> Answer {
        match self.gone(place.session) {
            Some(Some(to)) => {
                self.note("moved", 1);
                return Answer::Moved(to);
            }
            Some(None) => {
                self.note("closed", 1);
                return Answer::Closed;
            }
            None => {}
        }
        if self.count(place) == 0 && self.contexts_of(place.session) >= bounds.contexts {
            self.note("too_many_contexts", 1);
            return Answer::Full;
        }
        let new = self.without_repeats(place, sent);
        let latest = new.iter().map(|sent| sent.delay).max().unwrap_or(0);
        let new = last_of_each_tag(&new);

        let is_replaced = |record: &Record| record.place == place && has_tag_of(record, &new);
        let replaced = self.records.iter().filter(|record| is_replaced(record));
        let staying = self.count(place) - replaced.count();
        let over = (staying + new.len()).saturating_sub(bounds.messages);
        if over > 0 && bounds.reject {
            self.note("full", 1);
            return Answer::Full;
        }
        self.remove("replaced", is_replaced);
        self.displace(place, over.min(staying));
        for sent in new.iter().skip(over.saturating_sub(staying)) {
            self.note(if sent.delay > 0 { "scheduled" } else { "added" }, 1);
            self.records.push(Record {
                place,
                shown_from: self.now + sent.delay,
                member: sent.member.clone(),
            });
        }
        let until = self.now + bounds.expiry + latest;
        let displaced = over as u64;
        let life = self.life(place);
        life.until = life.until.max(until);
        life.displaced += displaced;
        Answer::Here { displaced }
    }

    fn contexts_of(&self, session: usize) -> usize {
        let places = (0..VIEWS.len()).map(|view| Place { session, view });
        places.filter(|place| self.count(*place) > 0).count()
    }

    /// Gives what is neither there already nor earlier in the batch.
    fn without_repeats(&mut self, place: Place, sent: &[Sent]) -> Vec<Sent> {
        let here = self.records.iter().filter(|record| record.place == place);
        let mut known: Vec<_> = here.map(|record| record.member.id.clone()).collect();
        let mut new = Vec::new();
        for one in sent {
            if known.contains(&one.member.id) {
                self.note("repeated", 1);
            } else {
                known.push(one.member.id.clone());
                new.push(one.clone());
            }
        }
        new
    }
}

fn last_of_each_tag(batch: &[Sent]) -> Vec<Sent> {
    let mut last = Vec::new();
    for (at, sent) in batch.iter().enumerate() {
        let tag = &sent.member.tag;
        let mut later = batch[at + 1..].iter();
        if tag.is_none() || later.all(|later| later.member.tag != *tag) {
            last.push(sent.clone());
        }
    }
    last
}

fn has_tag_of(record: &Record, batch: &[Sent]) -> bool {
    let tag = &record.member.tag;
    tag.is_some() && batch.iter().any(|sent| sent.member.tag == *tag)
}
