//! Looks, and the ends of claims, once more.

use super::super::call::{Answer, Hold, Member, Mode, Place, Seen, What};
use super::{Model, Record};

impl Model {
    pub(super) fn look(&mut self, places: &[Place], mode: Mode, age: u64) -> Answer {
        let (mut seen, mut hold) = (Seen::default(), Hold::default());
        for place in places {
            let members = self.look_into(*place, mode, age, &mut seen);
            hold.members
                .extend(members.into_iter().map(|member| (*place, member)));
        }
        seen.messages.sort_by(|one, other| one.0.cmp(&other.0));
        self.note("shown", seen.messages.len() as u64);
        self.note("told_next", u64::from(seen.next.is_some()));
        self.note("told_displaced", u64::from(seen.displaced > 0));
        self.note("unreadable", seen.unreadable);
        self.note("newer", seen.newer);
        let Mode::Claim { lease } = mode else {
            return Answer::Looked(seen, Hold::default());
        };
        if !hold.members.is_empty() {
            hold.until = self.now + lease;
            hold.members.sort();
            self.claims.push(hold.clone());
        }
        Answer::Looked(seen, hold)
    }

    /// Gives what a claim would hold.
    fn look_into(&mut self, place: Place, mode: Mode, age: u64, seen: &mut Seen) -> Vec<String> {
        let now = self.now;
        let here = self.records.iter().filter(|record| record.place == place);
        let later = here.clone().filter(|record| record.shown_from > now);
        let next = later.map(|record| record.shown_from - now).min();
        seen.next = seen.next.into_iter().chain(next).min();
        let mut due: Vec<_> = here.filter(|record| record.shown_from <= now).collect();
        // Two of the same id are shown in the order of their times.
        due.sort_by_key(|record| (record.shown_from, &record.member.stored));
        let due: Vec<_> = due.iter().map(|record| record.member.clone()).collect();

        let mut held = Vec::new();
        for member in &due {
            let is_old = member.written.is_some_and(|written| written < now - age);
            if is_old {
                seen.expired += 1;
                self.note("too_old", 1);
            } else if member.what == What::Newer {
                seen.newer += 1;
                continue;
            } else {
                self.see(member, seen);
                held.push(member.stored.clone());
            }
            self.after_look(place, member, mode, is_old);
        }
        if !due.is_empty() {
            let life = self.life(place);
            seen.displaced += life.displaced;
            if !matches!(mode, Mode::Peek) {
                life.displaced = 0;
            }
        }
        held
    }

    fn see(&mut self, member: &Member, seen: &mut Seen) {
        if member.what == What::Unreadable {
            seen.unreadable += 1;
        } else if member.expires.is_some_and(|moment| moment <= self.now) {
            seen.expired += 1;
            self.note("past_its_deadline", 1);
        } else {
            let id = member.id.clone().unwrap();
            let message = (id, member.text.clone(), member.tag.clone());
            seen.messages.push(message);
        }
    }

    fn after_look(&mut self, place: Place, member: &Member, mode: Mode, is_old: bool) {
        match mode {
            Mode::Peek => {}
            Mode::Claim { lease } if !is_old => {
                let until = self.now + lease;
                self.find(place, &member.stored).unwrap().shown_from = until;
            }
            Mode::Claim { .. } | Mode::Take => {
                self.remove("removed", |record| record.is(place, &member.stored));
            }
        }
    }

    fn find(&mut self, place: Place, stored: &str) -> Option<&mut Record> {
        let mut records = self.records.iter_mut();
        records.find(|record| record.is(place, stored))
    }

    fn claim(&mut self, which: usize, follow: Option<usize>) -> Hold {
        let hold = &mut self.claims[which];
        for (place, _) in &mut hold.members {
            place.session = follow.unwrap_or(place.session);
        }
        hold.clone()
    }

    pub(super) fn confirm(&mut self, which: usize, follow: Option<usize>) -> Answer {
        let hold = self.claim(which, follow);
        for (place, stored) in &hold.members {
            self.confirm_one(*place, stored, hold.until);
        }
        Answer::Done
    }

    fn confirm_one(&mut self, mut place: Place, stored: &str, until: u64) {
        let mut outcome = "confirmed";
        loop {
            match self.find(place, stored) {
                None => self.note("confirmed_for_nothing", 1),
                Some(record) if record.shown_from != until => outcome = "confirmed_late",
                Some(_) => {}
            }
            self.remove(outcome, |record| record.is(place, stored));
            let Some(Some(to)) = self.gone(place.session) else {
                return;
            };
            place.session = to;
            outcome = "confirmed_after_a_move";
        }
    }

    pub(super) fn release(&mut self, which: usize, follow: Option<usize>) -> Answer {
        let now = self.now;
        let hold = self.claim(which, follow);
        for (place, stored) in &hold.members {
            let outcome = match self.find(*place, stored) {
                None => "released_for_nothing",
                Some(record) if record.shown_from != hold.until => "released_anothers",
                Some(record) => {
                    let own = record.member.written.unwrap_or(now);
                    record.shown_from = own.min(now);
                    match follow {
                        None => "released",
                        Some(_) => "released_after_a_move",
                    }
                }
            };
            self.note(outcome, 1);
        }
        Answer::Done
    }
}
