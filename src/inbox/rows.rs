//! Rows of a list and of a digest: one notification each, or those of one group and day.

use std::collections::HashMap;

use crate::Notification;
use crate::inbox::results::InboxRow;
use crate::inbox::store::Entry;

/// A row while it is read, with the group that its notifications have in common.
pub(super) struct Row {
    pub(super) notifications: Vec<Notification>,
    pub(super) more: u64,
    pub(super) is_group: bool,
}

impl Row {
    pub(super) fn position(&self) -> u64 {
        self.notifications.first().map_or(0, Notification::position)
    }

    pub(super) fn finish(self) -> Option<InboxRow> {
        let mut actors: Vec<String> = Vec::new();
        for (_, name) in self
            .notifications
            .iter()
            .filter_map(Notification::get_actor)
        {
            if !actors.iter().any(|actor| actor == name) {
                actors.push(name.to_owned());
            }
        }
        let unread = self.notifications.iter().filter(|one| one.is_unread());
        let unread = unread.count() as u64;
        let count = self.notifications.len() as u64 + self.more;
        let mut notifications = self.notifications.into_iter();
        Some(InboxRow {
            newest: notifications.next()?,
            older: notifications.collect(),
            count,
            unread,
            actors,
        })
    }
}

/// The rows that were read, newest first.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// The row of each group.
    groups: HashMap<String, usize>,
}

impl Rows {
    pub(super) fn push(&mut self, entry: Entry, notification: Notification, is_grouped: bool) {
        let group = entry.group.filter(|_| is_grouped);
        let existing = group.as_ref().and_then(|group| self.groups.get(group));
        if let Some(row) = existing.and_then(|index| self.rows.get_mut(*index)) {
            row.notifications.push(notification);
            row.more += entry.more;
            return;
        }
        let row = Row {
            notifications: vec![notification],
            more: entry.more,
            is_group: group.is_some(),
        };
        if let Some(group) = group {
            self.groups.insert(group, self.rows.len());
        }
        self.rows.push(row);
    }
}
