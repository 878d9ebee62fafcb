//! One inbox in memory. Each operation does what the script of the same name does in Redis.

use std::collections::{BTreeMap, HashMap};

use crate::MessageId;
use crate::inbox::encoding::id_of;
use crate::inbox::limits::{
    GROUP_PERIOD, MAX_AGE, MAX_AGED_PER_ADD, MAX_IN_GROUP, MAX_NOTIFICATIONS, REMOVED_TTL,
};
use crate::inbox::results::InboxCounts;
use crate::inbox::store::memory::mails::Mails;
use crate::inbox::store::memory::removed::Removed;
use crate::inbox::store::store_trait::{
    AddOutcome, Change, Entry, Marked, NewNotification, Page, Place,
};
use crate::store::millis;
use crate::wire;

/// Estimated memory of an inbox, of a notification in addition to its bytes, and of the id of a removed one.
const INBOX_COST: usize = 512;
const NOTIFICATION_COST: usize = 256;
const REMOVED_COST: usize = 64;

/// The inbox of one recipient.
#[derive(Default)]
pub(super) struct MemoryInbox {
    /// By position. Positions are unique.
    notifications: BTreeMap<u64, Stored>,
    positions: HashMap<MessageId, u64>,
    /// The notification with a tag, and the id of its message.
    tags: HashMap<Vec<u8>, (MessageId, MessageId)>,
    removed: Removed,
    pub(super) mails: Mails,
    /// The highest position that was ever used.
    last: u64,
    seen: u64,
    expires: u64,
    bytes: usize,
}

struct Stored {
    id: MessageId,
    entry: Entry,
    is_archived: bool,
}

impl Stored {
    fn is_in(&self, place: Place) -> bool {
        match place {
            Place::Inbox => !self.is_archived,
            Place::Unread => self.entry.is_unread,
            Place::Archived => self.is_archived,
        }
    }
}

impl MemoryInbox {
    pub(super) fn add(&mut self, now: u64, new: &NewNotification<'_>, cadence: &str) -> AddOutcome {
        // Every caller encodes the member with an id.
        let Some((id, header)) = id_of(new.member).zip(wire::member_header(new.member)) else {
            return AddOutcome::Duplicate;
        };
        if self.removed.contains(now, id) {
            return AddOutcome::Removed;
        }
        let other = header.tag.and_then(|tag| self.tags.get(tag)).copied();
        if other.is_some_and(|(order, _)| order > new.order) {
            return AddOutcome::Superseded;
        }
        if self.positions.contains_key(&id) {
            return AddOutcome::Duplicate;
        }
        if let Some((_, other)) = other {
            self.remove(now, other);
        }
        let position = now.max(self.last + 1);
        self.last = position;
        let group = new.group.map(|group| group_key(group, position));
        self.remove_aged(now);
        let displaced = self.make_room(now, group.as_deref());
        if let Some(tag) = header.tag {
            self.tags.insert(tag.to_vec(), (new.order, id));
        }
        self.positions.insert(id, position);
        self.bytes += new.member.len() + NOTIFICATION_COST;
        let entry = Entry {
            position,
            is_unread: new.is_unread,
            more: 0,
            group,
            member: new.member.to_vec(),
        };
        let stored = Stored {
            id,
            entry,
            is_archived: false,
        };
        self.notifications.insert(position, stored);
        if new.is_unread && !matches!(cadence, "" | "never") {
            let (positions, notifications) = (&self.positions, &self.notifications);
            self.mails.wait(position, id, |id| {
                let stored = positions.get(&id).and_then(|at| notifications.get(at));
                stored.is_some_and(|stored| stored.is_in(Place::Unread))
            });
        }
        self.removed.trim(now);
        self.expires = now + millis(MAX_AGE);
        AddOutcome::Added {
            position,
            displaced,
        }
    }

    /// Removes a notification with all that belongs to it: every one that leaves the inbox leaves
    /// here.
    fn remove(&mut self, now: u64, id: MessageId) -> Option<Stored> {
        let position = self.positions.remove(&id)?;
        let stored = self.notifications.remove(&position)?;
        let header = wire::member_header(&stored.entry.member);
        if let Some(tag) = header.and_then(|header| header.tag)
            && self
                .tags
                .get(tag)
                .is_some_and(|(_, with_tag)| *with_tag == id)
        {
            self.tags.remove(tag);
        }
        self.bytes -= stored.entry.member.len() + NOTIFICATION_COST;
        self.removed.insert(now, id);
        self.count_more(&stored.entry, stored.entry.more);
        Some(stored)
    }

    /// Lets the oldest of the group of an entry that was removed stand for others that were
    /// removed.
    fn count_more(&mut self, removed: &Entry, more: u64) {
        let members = self.group(removed.group.as_deref().filter(|_| more > 0));
        if let Some(next) = members.first().and_then(|id| self.find(*id)) {
            next.entry.more += more;
        }
    }

    fn remove_aged(&mut self, now: u64) {
        let oldest = oldest(now);
        let aged = self.notifications.range(..oldest);
        let aged: Vec<_> = aged
            .take(MAX_AGED_PER_ADD)
            .map(|(_, stored)| stored.id)
            .collect();
        for id in aged {
            self.remove(now, id);
        }
    }

    /// Removes the oldest of a full group, then the oldest of a full inbox. Returns how many.
    fn make_room(&mut self, now: u64, group: Option<&str>) -> u64 {
        let mut displaced = 0;
        let members = self.group(group);
        if members.len() >= MAX_IN_GROUP
            && let Some(oldest) = members.first()
            && let Some(stored) = self.remove(now, *oldest)
        {
            self.count_more(&stored.entry, 1);
            displaced += 1;
        }
        if self.notifications.len() >= MAX_NOTIFICATIONS
            && let Some((_, first)) = self.notifications.first_key_value()
        {
            let id = first.id;
            self.remove(now, id);
            displaced += 1;
        }
        displaced
    }

    /// Returns the ids of a group, oldest first.
    fn group(&self, group: Option<&str>) -> Vec<MessageId> {
        let Some(group) = group else {
            return Vec::new();
        };
        let stored = self.notifications.values();
        let members = stored.filter(|stored| stored.entry.group.as_deref() == Some(group));
        let mut ids: Vec<_> = members.map(|stored| stored.id).collect();
        ids.sort();
        ids
    }

    fn find(&mut self, id: MessageId) -> Option<&mut Stored> {
        let position = self.positions.get(&id)?;
        self.notifications.get_mut(position)
    }

    pub(super) fn mark(&mut self, now: u64, change: Change, ids: &[MessageId]) -> Marked {
        let mut changed = 0;
        // One over the age is not listed, and counts as not there.
        let is_listed = |id: &&MessageId| {
            let position = self.positions.get(id);
            position.is_some_and(|position| *position >= oldest(now))
        };
        let listed: Vec<_> = ids.iter().filter(is_listed).collect();
        for id in listed {
            changed += u64::from(match change {
                Change::Delete => self.remove(now, *id).is_some(),
                _ => self.find(*id).is_some_and(|stored| stored.apply(change)),
            });
        }
        if change == Change::Delete && changed > 0 {
            self.removed.trim(now);
            self.expires = self.expires.max(now + millis(REMOVED_TTL));
        }
        self.marked(now, changed)
    }

    pub(super) fn mark_upto(&mut self, now: u64, change: Change, position: u64) -> Marked {
        let first = oldest(now).min(position);
        let selected = self.notifications.range_mut(first..=position);
        let selected = selected.filter(|(position, _)| **position >= oldest(now));
        let changed = selected.filter_map(|(_, stored)| stored.apply(change).then_some(()));
        let changed = changed.count() as u64;
        self.marked(now, changed)
    }

    pub(super) fn mark_seen(&mut self, now: u64, position: u64) -> Marked {
        let last = self.notifications.last_key_value();
        let seen = last.map_or(0, |(last, _)| position.min(*last));
        let is_higher = seen > self.seen;
        self.seen = self.seen.max(seen);
        self.marked(now, u64::from(is_higher))
    }

    fn marked(&self, now: u64, changed: u64) -> Marked {
        let InboxCounts { unread, unseen, .. } = self.counts(now);
        Marked {
            changed,
            unread,
            unseen,
        }
    }

    pub(super) fn list(&self, now: u64, place: Place, before: u64, limit: usize) -> Page {
        let InboxCounts { unread, unseen, .. } = self.counts(now);
        let first = oldest(now).min(before);
        let entries = self.notifications.range(first..before).rev();
        let mut entries = entries.filter(|(_, stored)| stored.is_in(place));
        let listed = entries.by_ref().take(limit);
        Page {
            unread,
            unseen,
            entries: listed.map(|(_, stored)| stored.entry.clone()).collect(),
            has_more: entries.next().is_some(),
        }
    }

    pub(super) fn counts(&self, now: u64) -> InboxCounts {
        let mut counts = InboxCounts::default();
        for (position, stored) in self.notifications.range(oldest(now)..) {
            if stored.is_in(Place::Inbox) {
                counts.total += 1;
                counts.newest = *position;
            }
            counts.unread += u64::from(stored.is_in(Place::Unread));
            counts.unseen += u64::from(stored.is_in(Place::Unread) && *position > self.seen);
        }
        counts
    }

    /// Returns those of some notifications that are unread, in the same order.
    #[cfg(feature = "mail")]
    pub(super) fn unread(&self, now: u64, ids: &[MessageId]) -> Vec<Entry> {
        let positions = ids.iter().filter_map(|id| self.positions.get(id));
        let stored = positions.filter(|position| **position >= oldest(now));
        let stored = stored.filter_map(|position| self.notifications.get(position));
        let unread = stored.filter(|stored| stored.is_in(Place::Unread));
        unread.map(|stored| stored.entry.clone()).collect()
    }

    pub(super) fn expires(&self) -> u64 {
        self.expires
    }

    pub(super) fn bytes(&self) -> usize {
        INBOX_COST + self.bytes + self.removed.len() * REMOVED_COST
    }
}

impl Stored {
    /// Changes the state. Returns whether it was another one.
    fn apply(&mut self, change: Change) -> bool {
        let before = (self.is_archived, self.entry.is_unread);
        let after = match (change, before) {
            (Change::Read, (is_archived, _)) => (is_archived, false),
            (Change::Unread, (is_archived, _)) => (is_archived, !is_archived),
            (Change::Archive, _) => (true, false),
            (Change::Restore, (_, is_unread)) => (false, is_unread),
            (Change::RestoreUnread, _) => (false, true),
            (Change::Delete, before) => before,
        };
        (self.is_archived, self.entry.is_unread) = after;
        before != after
    }
}

/// Returns the lowest position that is not older than the age limit.
fn oldest(now: u64) -> u64 {
    now.saturating_sub(millis(MAX_AGE))
}

/// Returns what the notifications of a group and a day have in common.
fn group_key(group: &str, position: u64) -> String {
    format!("{group}:{}", position / millis(GROUP_PERIOD))
}
