//! Moves, once more.

use super::super::call::{Answer, Bounds, Migration, Place, VIEWS};
use super::{Gone, Model};

impl Model {
    pub(super) fn migrate(&mut self, migration: &Migration) -> Answer {
        let Migration {
            from,
            to,
            open,
            ref bounds,
        } = *migration;
        match self.gone(from) {
            Some(went) if went == Some(to) => {
                self.note("migrated_again", 1);
                return Answer::Done;
            }
            Some(_) => {
                self.note("migrate_of_a_gone_one", 1);
                return Answer::Closed;
            }
            None => {}
        }
        if from == to {
            self.note("migrated_to_itself", 1);
            return Answer::Done;
        }
        if self.gone(to).is_some() {
            if !open {
                self.note("migrate_not_opened", 1);
                return Answer::Closed;
            }
            self.note("migrate_opened", 1);
            self.gone.retain(|gone| gone.session != to);
        }
        for view in 0..VIEWS.len() {
            self.carry(view, from, to, bounds);
        }
        self.gone.push(Gone {
            session: from,
            to: Some(to),
            until: self.now + bounds.expiry,
        });
        Answer::Done
    }

    fn carry(&mut self, view: usize, from: usize, to: usize, bounds: &Bounds) {
        let (from, to) = (
            Place {
                session: from,
                view,
            },
            Place { session: to, view },
        );
        if self.count(from) == 0 {
            return;
        }
        let was_empty = self.count(to) == 0;
        let there = self.records.iter().filter(|record| record.place == to);
        let there: Vec<_> = there.map(|record| record.member.stored.clone()).collect();
        self.remove("carried_twice", |record| {
            record.place == from && there.contains(&record.member.stored)
        });
        let old = self.life(from).clone();
        for record in &mut self.records {
            if record.place == from {
                record.place = to;
            }
        }
        let over = self.count(to).saturating_sub(bounds.messages);
        self.displace(to, over);
        self.note(if was_empty { "carried" } else { "merged" }, 1);
        let life = self.life(to);
        life.until = life.until.max(old.until);
        life.displaced += old.displaced + over as u64;
    }
}
