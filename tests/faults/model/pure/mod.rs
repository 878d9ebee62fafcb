//! The laws once more, as naively as they can be written: one flat list in no order, and nothing shared with
//! the stores.

mod add;
mod claims;
mod migrate;

use std::collections::BTreeMap;

use super::call::{Answer, Call, Hold, Member, PUT_LIVES, Place, Target};

#[derive(Clone)]
struct Record {
    place: Place,
    shown_from: u64,
    member: Member,
}

impl Record {
    fn is(&self, place: Place, stored: &str) -> bool {
        self.place == place && self.member.stored == stored
    }
}

/// What there is beside the records of a context, as long as it has records.
#[derive(Clone)]
struct Life {
    place: Place,
    until: u64,
    displaced: u64,
}

/// A session that was closed, or has moved.
struct Gone {
    session: usize,
    to: Option<usize>,
    until: u64,
}

/// Everything that is stored.
#[derive(Default)]
pub struct Model {
    now: u64,
    records: Vec<Record>,
    lives: Vec<Life>,
    gone: Vec<Gone>,
    claims: Vec<Hold>,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Model {
    pub fn claims(&self) -> usize {
        self.claims.len()
    }

    pub fn pass_to(&mut self, now: u64) {
        self.now = now;
        let is_over = |life: &&Life| life.until <= now;
        let over: Vec<_> = self.lives.iter().filter(is_over).collect();
        let over: Vec<_> = over.iter().map(|life| life.place).collect();
        self.remove("lapsed", |record| over.contains(&record.place));
        let before = self.gone.len();
        self.gone.retain(|gone| gone.until > now);
        self.note("reopened", (before - self.gone.len()) as u64);
        self.forget_the_empty();
    }

    pub fn answer(&mut self, call: &Call) -> Answer {
        let (operation, answer) = match call {
            Call::Add(place, sent, bounds) => ("add", self.add(*place, sent, bounds)),
            Call::Look(places, mode, age) => (mode.name(), self.look(places, *mode, *age)),
            Call::Confirm(which, follow) => ("confirm", self.confirm(*which, *follow)),
            Call::Release(which, follow) => ("release", self.release(*which, *follow)),
            Call::Retract(place, target) => ("retract", self.retract(*place, target)),
            Call::Clear(place) => ("clear", self.clear(*place)),
            Call::ClearSession(session, close) => {
                ("clear_session", self.clear_session(*session, *close))
            }
            Call::Migrate(migration) => ("migrate", self.migrate(migration)),
            Call::Contexts(session) => ("contexts", self.contexts(*session)),
            Call::Put(place, member) => ("put", self.put(*place, member)),
        };
        self.note(operation, 1);
        self.forget_the_empty();
        answer
    }

    /// Gives this context or another that has records. One that only a foreign writer knows is in nobody's book,
    /// and in memory there is no such thing.
    pub fn place_in_use(&self, place: Place) -> Option<Place> {
        let mut places = self.records.iter().map(|record| record.place);
        let first = places.next()?;
        Some(places.find(|other| *other == place).unwrap_or(first))
    }

    fn count(&self, place: Place) -> usize {
        let here = self.records.iter().filter(|record| record.place == place);
        here.count()
    }

    fn note(&mut self, outcome: &'static str, times: u64) {
        *self.counts.entry(outcome).or_default() += times;
    }

    fn remove(&mut self, outcome: &'static str, goes: impl Fn(&Record) -> bool) -> u64 {
        let before = self.records.len();
        self.records.retain(|record| !goes(record));
        let removed = (before - self.records.len()) as u64;
        self.note(outcome, removed);
        removed
    }

    fn forget_the_empty(&mut self) {
        let mut lives = std::mem::take(&mut self.lives);
        lives.retain(|life| self.count(life.place) > 0);
        self.lives = lives;
    }

    fn life(&mut self, place: Place) -> &mut Life {
        if !self.lives.iter().any(|life| life.place == place) {
            self.lives.push(Life {
                place,
                until: 0,
                displaced: 0,
            });
        }
        let mut lives = self.lives.iter_mut();
        lives.find(|life| life.place == place).unwrap()
    }

    /// Where a session went, if it is gone: to nowhere when it was closed.
    fn gone(&self, session: usize) -> Option<Option<usize>> {
        let mut gone = self.gone.iter();
        let gone = gone.find(|gone| gone.session == session);
        gone.map(|gone| gone.to)
    }

    /// Removes those of the lowest time; of the same time, what sorts first.
    fn displace(&mut self, place: Place, times: usize) {
        for _ in 0..times {
            let here = self.records.iter().filter(|record| record.place == place);
            let lowest = here.min_by_key(|record| (record.shown_from, &record.member.stored));
            let lowest = lowest.unwrap().member.stored.clone();
            self.remove("displaced", |record| record.is(place, &lowest));
        }
    }

    fn retract(&mut self, place: Place, target: &Target) -> Answer {
        let is_meant = |member: &Member| match target {
            Target::Tag(tag) => member.tag.as_ref() == Some(tag),
            Target::Id(id) => member.id.as_ref() == Some(id),
        };
        let goes = |record: &Record| record.place == place && is_meant(&record.member);
        Answer::Count(self.remove("retracted", goes))
    }

    fn clear(&mut self, place: Place) -> Answer {
        self.remove("cleared", |record| record.place == place);
        Answer::Done
    }

    fn clear_session(&mut self, session: usize, close: Option<u64>) -> Answer {
        self.remove("cleared", |record| record.place.session == session);
        if let Some(period) = close
            && self.gone(session).is_none()
        {
            let (to, until) = (None, self.now + period);
            self.gone.push(Gone { session, to, until });
        }
        Answer::Done
    }

    fn contexts(&mut self, session: usize) -> Answer {
        let is_visible =
            |record: &&Record| record.place.session == session && record.shown_from <= self.now;
        let visible = self.records.iter().filter(is_visible);
        let mut views: Vec<_> = visible.map(|record| record.place.view).collect();
        views.sort_unstable();
        views.dedup();
        self.note("listed", views.len() as u64);
        Answer::Views(views)
    }

    fn put(&mut self, place: Place, member: &Member) -> Answer {
        if self
            .records
            .iter()
            .any(|record| record.is(place, &member.stored))
        {
            self.note("put_again", 1);
        } else {
            self.records.push(Record {
                place,
                shown_from: self.now,
                member: member.clone(),
            });
        }
        let until = self.now + PUT_LIVES;
        let life = self.life(place);
        life.until = life.until.max(until);
        Answer::Done
    }
}
