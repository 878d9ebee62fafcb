//! The model of all inboxes.

mod inbox;

use std::collections::BTreeMap;

use salver::ReadState;

use self::inbox::{DAY, Entry, Inbox, MAX_AGE, MAX_AGED, MAX_NOTIFICATIONS, REMEMBERED};
use super::call::{Call, Counts, MAX_PAGES, Note, Outcome, Page, RECIPIENTS, Row, Selection, Tab};

#[derive(Default)]
pub struct Model {
    now: u64,
    inboxes: [Inbox; RECIPIENTS],
    /// When each recipient was erased.
    erased: [Option<u64>; RECIPIENTS],
    /// The newest position that each handle has listed.
    listed: [u64; RECIPIENTS],
    /// How often each outcome occurred.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Model {
    pub fn set_time(&mut self, now: u64) {
        self.now = now;
        for index in 0..RECIPIENTS {
            let inbox = &mut self.inboxes[index];
            if inbox.expires <= now && inbox.expires > 0 {
                *inbox = Inbox::default();
                self.count("expired");
            }
            if self.erased[index].is_some_and(|time| time + REMEMBERED <= now) {
                self.erased[index] = None;
            }
        }
    }

    pub fn count(&mut self, outcome: &'static str) {
        *self.counts.entry(outcome).or_default() += 1;
    }

    /// Returns the positions of a recipient, newest first.
    pub fn positions(&self, recipient: usize) -> Vec<u64> {
        let entries = self.inboxes[recipient].visible(self.now).rev();
        entries.map(|entry| entry.position).collect()
    }

    pub fn all_counts(&self) -> Counts {
        std::array::from_fn(|index| {
            let inbox = &self.inboxes[index];
            let count = |condition: &dyn Fn(&Entry) -> bool| {
                let entries = inbox.visible(self.now).filter(|entry| condition(entry));
                entries.count() as u64
            };
            let unseen = count(&|entry| entry.is_unread && entry.position > inbox.seen);
            (
                unseen,
                count(&|entry| entry.is_unread),
                count(&|entry| !entry.is_archived),
            )
        })
    }

    pub fn execute(&mut self, call: &Call) -> Outcome {
        match call {
            Call::Notify(recipients, notes) => {
                for note in notes {
                    for recipient in recipients {
                        let outcome = self.add(*recipient, note);
                        self.count(outcome);
                    }
                }
                Outcome::Done
            }
            Call::List(recipient, selection) => Outcome::Listed(self.list(*recipient, selection)),
            Call::Mark(recipient, selection, state) => {
                self.count("mark");
                Outcome::Changed(self.mark(*recipient, selection, *state))
            }
            Call::MarkSeen(recipient) => {
                let last = self.inboxes[*recipient].entries.last();
                let seen = last.map_or(0, |last| last.position.min(self.listed[*recipient]));
                if seen > self.inboxes[*recipient].seen {
                    self.inboxes[*recipient].seen = seen;
                    self.count("seen_raised");
                }
                Outcome::Done
            }
            Call::Retract(recipient, selection) => {
                Outcome::Changed(self.retract(*recipient, selection))
            }
            Call::Erase(recipient) => {
                self.inboxes[*recipient] = Inbox::default();
                self.erased[*recipient] = Some(self.now);
                self.count("erase");
                Outcome::Done
            }
            Call::Export(recipient) => self.export(*recipient),
        }
    }

    fn add(&mut self, recipient: usize, note: &Note) -> &'static str {
        let now = self.now;
        if self.erased[recipient].is_some_and(|time| note.built_at < time) {
            return "erased";
        }
        let inbox = &mut self.inboxes[recipient];
        if inbox.find(note.serial).is_some() {
            return "duplicate";
        }
        let mut removed = inbox.removed.iter();
        if removed.any(|(time, built_at)| *built_at == note.built_at && time + REMEMBERED > now) {
            return "removed";
        }
        let mut outcome = "added";
        let has_tag = |entry: &Entry| note.tag.is_some() && entry.note.tag == note.tag;
        if let Some(index) = inbox.entries.iter().position(has_tag) {
            if inbox.entries[index].note.built_at > note.built_at {
                return "superseded";
            }
            inbox.remove(now, index);
            outcome = "replaced";
        }
        let position = now.max(inbox.last + 1);
        inbox.last = position;
        for _ in 0..MAX_AGED {
            if inbox
                .entries
                .first()
                .is_some_and(|entry| entry.position + MAX_AGE < now)
            {
                inbox.remove(now, 0);
                outcome = "aged_removed";
            }
        }
        if let Some((oldest, next)) = inbox.oldest_of_full_group(note, position / DAY) {
            let oldest = inbox.find(oldest).unwrap();
            inbox.remove(now, oldest);
            let next = inbox.find(next).unwrap();
            inbox.entries[next].more += 1;
            outcome = "displaced_in_group";
        }
        if inbox.entries.len() >= MAX_NOTIFICATIONS {
            inbox.remove(now, 0);
            outcome = "displaced";
        }
        inbox.entries.push(Entry {
            position,
            text: note.text(recipient),
            note: note.clone(),
            is_archived: false,
            is_unread: !note.is_read,
            more: 0,
        });
        inbox.forget_removed(now);
        inbox.expires = now + MAX_AGE;
        outcome
    }

    /// Returns the serials that a call changes. A call by ids alone reaches the archive
    /// from the tab of all.
    fn selected(&self, recipient: usize, selection: &Selection) -> Vec<usize> {
        let inbox = &self.inboxes[recipient];
        let only_serials = selection.only_serials();
        if let Some(serials) = only_serials.filter(|_| selection.tab == Tab::All) {
            let is_listed = |serial: &&usize| {
                let mut visible = inbox.visible(self.now);
                visible.any(|entry| entry.note.serial == **serial)
            };
            return serials.iter().filter(is_listed).copied().collect();
        }
        let entries = inbox.visible(self.now);
        let selected =
            entries.filter(|entry| entry.is_in(selection.tab) && entry.matches(selection));
        selected.map(|entry| entry.note.serial).collect()
    }

    fn mark(&mut self, recipient: usize, selection: &Selection, state: ReadState) -> u64 {
        let mut selected = self.selected(recipient, selection);
        let is_range = match state {
            ReadState::Read => selection.tab != Tab::Archived,
            ReadState::Unread => false,
            _ => selection.tab == Tab::All,
        };
        if is_range && selection.is_range() {
            let entries = self.inboxes[recipient].visible(self.now);
            let entries =
                entries.filter(|entry| entry.is_in(selection.tab) && entry.matches(selection));
            selected = entries.map(|entry| entry.note.serial).collect();
            self.count("marked_up_to_position");
        }
        let inbox = &mut self.inboxes[recipient];
        let entries = inbox.entries.iter_mut();
        let mut changed = 0;
        for entry in entries.filter(|entry| selected.contains(&entry.note.serial)) {
            let after = match state {
                ReadState::Read if selection.tab == Tab::Archived && !entry.is_archived => continue,
                ReadState::Read if selection.tab != Tab::Archived => (entry.is_archived, false),
                ReadState::Read => (false, false),
                ReadState::Unread if selection.tab != Tab::Archived && entry.is_archived => {
                    continue;
                }
                ReadState::Unread => (false, true),
                _ => (true, false),
            };
            changed += u64::from((entry.is_archived, entry.is_unread) != after);
            (entry.is_archived, entry.is_unread) = after;
        }
        if changed > 0 {
            self.count(match (selection.tab, state) {
                (Tab::Archived, ReadState::Read | ReadState::Unread) => "restored",
                (_, ReadState::Read) => "read",
                (_, ReadState::Unread) => "unread",
                _ => "archived",
            });
        }
        changed
    }

    fn retract(&mut self, recipient: usize, selection: &Selection) -> u64 {
        let mut selected = self.selected(recipient, selection);
        if selection.tab == Tab::All && selection.only_serials().is_none() {
            let tab = Tab::Archived;
            let archived = Selection {
                tab,
                ..selection.clone()
            };
            selected.extend(self.selected(recipient, &archived));
        }
        let inbox = &mut self.inboxes[recipient];
        for serial in &selected {
            let index = inbox.find(*serial).unwrap();
            inbox.remove(self.now, index);
        }
        inbox.forget_removed(self.now);
        if !selected.is_empty() {
            self.count("retracted");
        }
        selected.len() as u64
    }

    fn list(&mut self, recipient: usize, selection: &Selection) -> Vec<Page> {
        let rows = self.inboxes[recipient].rows(self.now, selection);
        if rows
            .iter()
            .any(|row| row.count > row.notifications.len() as u64)
        {
            self.count("more_listed");
        }
        if rows.iter().any(|row| row.notifications.len() > 1) {
            self.count("group_listed");
        }
        let position = |row: &Row| row.notifications[0].0;
        self.listed[recipient] = self.listed[recipient].max(rows.first().map_or(0, position));
        let (unseen, unread, _) = self.all_counts()[recipient];
        let first = rows.first().map_or(0, position);
        let mut pages: Vec<_> = rows
            .chunks(selection.limit)
            .map(|rows| Page {
                rows: rows.to_vec(),
                next: Some(format!("{}.{first}", position(rows.last().unwrap()))),
                unread,
                unseen,
            })
            .collect();
        if pages.len() > 1 {
            self.count("pages_listed");
        }
        match pages.last_mut() {
            Some(last) => last.next = None,
            None => pages.push(Page {
                rows: Vec::new(),
                next: None,
                unread,
                unseen,
            }),
        }
        self.count("list");
        pages.truncate(MAX_PAGES);
        pages
    }

    fn export(&mut self, recipient: usize) -> Outcome {
        self.count("export");
        let inbox = &self.inboxes[recipient];
        let of = |is_archived: bool| {
            let entries = inbox.visible(self.now).rev();
            let entries = entries.filter(|entry| entry.is_archived == is_archived);
            entries.map(Entry::exported).collect()
        };
        Outcome::Exported {
            notifications: of(false),
            archived: of(true),
        }
    }
}
