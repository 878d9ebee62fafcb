//! One inbox of the model: a list that is searched from one end to the other.

use std::collections::HashMap;

use super::super::call::{ACTORS, Exported, Note, Row, Selection, Tab};

pub const DAY: u64 = 24 * 60 * 60 * 1000;
pub const MAX_AGE: u64 = 90 * DAY;
pub const REMEMBERED: u64 = 7 * DAY;
const MAX_REMOVED: usize = 1000;
pub const MAX_NOTIFICATIONS: usize = 1000;
const MAX_IN_GROUP: usize = 100;
pub const MAX_AGED: usize = 10;

#[derive(Default)]
pub struct Inbox {
    /// In the order of their positions, oldest first.
    pub entries: Vec<Entry>,
    /// Time of the removal and creation time of each removed one, which identifies it.
    pub removed: Vec<(u64, u64)>,
    /// The highest position that was ever used.
    pub last: u64,
    pub seen: u64,
    pub expires: u64,
}

pub struct Entry {
    pub position: u64,
    pub note: Note,
    pub text: String,
    pub is_archived: bool,
    pub is_unread: bool,
    pub more: u64,
}

impl Entry {
    fn day(&self) -> u64 {
        self.position / DAY
    }

    pub fn is_in(&self, tab: Tab) -> bool {
        match tab {
            Tab::All => !self.is_archived,
            Tab::Unread => self.is_unread,
            Tab::Archived => self.is_archived,
        }
    }

    pub fn matches(&self, selection: &Selection) -> bool {
        let note = &self.note;
        let kind = selection.kind.is_none_or(|kind| {
            let words: Vec<_> = kind.split('.').collect();
            note.kind.split('.').collect::<Vec<_>>().starts_with(&words)
        });
        let text = selection.text.is_none_or(|text| {
            let actor = note.actor.map_or("", |actor| ACTORS[actor]);
            let contains = |value: &str| value.to_lowercase().contains(&text.to_lowercase());
            contains(&self.text) || contains(actor)
        });
        let serials = &selection.serials;
        kind && text
            && (selection.subject.is_none() || selection.subject == note.subject)
            && (selection.group.is_none() || selection.group == note.group)
            && serials
                .as_ref()
                .is_none_or(|all| all.contains(&note.serial))
            && selection.since.is_none_or(|since| self.position >= since)
            && selection.until.is_none_or(|until| self.position <= until)
    }

    pub fn exported(&self) -> Exported {
        (self.position, self.text.clone(), self.is_unread)
    }
}

impl Inbox {
    pub fn find(&self, serial: usize) -> Option<usize> {
        let mut entries = self.entries.iter();
        entries.position(|entry| entry.note.serial == serial)
    }

    pub fn remove(&mut self, now: u64, index: usize) -> Entry {
        let entry = self.entries.remove(index);
        self.removed.push((now, entry.note.built_at));
        if let Some(next) = self.oldest_of_group(&entry) {
            self.entries[next].more += entry.more;
        }
        entry
    }

    /// Returns the oldest one of the group of an entry that was removed.
    fn oldest_of_group(&self, removed: &Entry) -> Option<usize> {
        let group = removed.note.group?;
        let is_member =
            |entry: &Entry| entry.note.group == Some(group) && entry.day() == removed.day();
        let members = self.entries.iter().enumerate();
        let members = members.filter(|(_, entry)| is_member(entry));
        members
            .min_by_key(|(_, entry)| entry.note.built_at)
            .map(|(index, _)| index)
    }

    pub fn forget_removed(&mut self, now: u64) {
        self.removed.retain(|(time, _)| time + REMEMBERED > now);
        self.removed.sort();
        let surplus = self.removed.len().saturating_sub(MAX_REMOVED);
        self.removed.drain(..surplus);
    }

    pub fn visible(&self, now: u64) -> impl DoubleEndedIterator<Item = &Entry> {
        let is_visible = move |entry: &&Entry| entry.position + MAX_AGE >= now;
        self.entries.iter().filter(is_visible)
    }

    /// Returns the oldest of a full group, and the next one.
    pub fn oldest_of_full_group(&self, note: &Note, day: u64) -> Option<(usize, usize)> {
        let group = note.group?;
        let entries = self.entries.iter();
        let members = entries.filter(|entry| entry.note.group == Some(group) && entry.day() == day);
        let mut members: Vec<_> = members.map(|entry| &entry.note).collect();
        members.sort_by_key(|note| note.built_at);
        (members.len() >= MAX_IN_GROUP).then(|| (members[0].serial, members[1].serial))
    }

    /// Returns the rows of a list, newest first, each with the entries that it has.
    pub fn rows(&self, now: u64, selection: &Selection) -> Vec<Row> {
        let mut rows: Vec<Vec<&Entry>> = Vec::new();
        let mut rows_of_groups = HashMap::new();
        for entry in self.visible(now).rev() {
            if !entry.is_in(selection.tab) || !entry.matches(selection) {
                continue;
            }
            let group = entry.note.group.filter(|_| selection.is_grouped);
            let row = group.map(|group| {
                *rows_of_groups
                    .entry((group, entry.day()))
                    .or_insert(rows.len())
            });
            match row.filter(|row| *row < rows.len()) {
                Some(row) => rows[row].push(entry),
                None => rows.push(vec![entry]),
            }
        }
        rows.iter().map(|entries| row(entries)).collect()
    }
}

fn row(entries: &[&Entry]) -> Row {
    let mut actors = Vec::new();
    for actor in entries.iter().filter_map(|entry| entry.note.actor) {
        let name = ACTORS[actor].to_owned();
        if !actors.contains(&name) {
            actors.push(name);
        }
    }
    Row {
        notifications: entries.iter().map(|entry| entry.exported()).collect(),
        count: entries.iter().map(|entry| 1 + entry.more).sum(),
        unread: entries.iter().filter(|entry| entry.is_unread).count() as u64,
        actors,
    }
}
