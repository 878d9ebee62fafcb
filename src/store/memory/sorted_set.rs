//! One context in memory: the counterpart of a sorted set in Redis.

use std::time::Duration;

use crate::Error;
use crate::store::{ContextStats, Limits, ReadResult, Selector, WhenFull, millis};
use crate::wire;
use crate::wire::MemberHeader;

/// Estimated memory of a member in addition to its bytes, so that many small messages count too.
const MEMBER_COST: usize = 64;

/// One context: the counterpart of a sorted set in Redis.
#[derive(Default)]
pub(crate) struct SortedSet {
    /// Sorted, so that the messages to displace are at the front.
    entries: Vec<Entry>,
    displaced: u64,
    expires: u64,
}

/// A member with its score. Ordered like the members of a sorted set: by score, then by bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    score: u64,
    member: Vec<u8>,
}

impl Entry {
    fn header(&self) -> Option<MemberHeader<'_>> {
        wire::member_header(&self.member)
    }

    /// Returns the creation time by the id, or the score without an id.
    fn written_ms(&self) -> u64 {
        let written_ms = self.header().and_then(|header| header.unix_ms());
        written_ms.unwrap_or(self.score)
    }

    /// Returns the score after a release: the creation time by the id, never later than now.
    fn release_score(&self, now: u64) -> u64 {
        let written_ms = self.header().and_then(|header| header.unix_ms());
        written_ms.unwrap_or(now).min(now)
    }

    fn matches(&self, selector: &Selector) -> bool {
        let Some(header) = self.header() else {
            return false;
        };
        match selector {
            Selector::Tag(tag) => header.tag == Some(tag.as_bytes()),
            Selector::Ids(ids) => ids.iter().any(|id| header.id == id.to_string().as_bytes()),
        }
    }
}

impl SortedSet {
    /// Inserts a member. Leaves a member that is already there unchanged.
    pub(crate) fn insert(&mut self, score: u64, member: Vec<u8>) {
        if self.entries.iter().any(|entry| entry.member == member) {
            return;
        }
        let new = Entry { score, member };
        let position = self.entries.partition_point(|entry| *entry <= new);
        self.entries.insert(position, new);
    }

    fn remove(&mut self, unwanted: impl Fn(&Entry) -> bool) -> u64 {
        let before = self.entries.len();
        self.entries.retain(|entry| !unwanted(entry));
        (before - self.entries.len()) as u64
    }

    fn rescore(&mut self, members: &[Vec<u8>], score: impl Fn(&Entry) -> Option<u64>) {
        for entry in &mut self.entries {
            if members.contains(&entry.member)
                && let Some(score) = score(entry)
            {
                entry.score = score;
            }
        }
        self.entries.sort();
    }

    /// Removes the members of a claim, even if another claim holds them by now.
    pub(crate) fn confirm(&mut self, members: &[Vec<u8>]) {
        self.remove(|entry| members.contains(&entry.member));
    }

    /// Releases the members that are still under the lease that expires at `until`.
    pub(crate) fn release(&mut self, members: &[Vec<u8>], until: u64, now: u64) {
        self.rescore(members, |entry| {
            (entry.score == until).then(|| entry.release_score(now))
        });
    }

    pub(crate) fn retract(&mut self, selector: &Selector) -> u64 {
        self.remove(|entry| entry.matches(selector))
    }

    /// Removes the members that were created before `oldest`. Returns their number.
    pub(crate) fn sweep(&mut self, oldest: u64) -> u64 {
        self.remove(|entry| entry.written_ms() < oldest)
    }

    pub(crate) fn count(&self) -> ContextStats {
        let bytes: usize = self.entries.iter().map(|entry| entry.member.len()).sum();
        let oldest = self.entries.iter().map(Entry::written_ms).min();
        ContextStats::new(self.entries.len() as u64, bytes as u64, oldest)
    }

    pub(crate) fn extend_expiry(&mut self, expires: u64) {
        self.expires = self.expires.max(expires);
    }

    pub(crate) fn expires(&self) -> u64 {
        self.expires
    }

    pub(crate) fn is_alive(&self, now: u64) -> bool {
        self.expires > now
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn is_visible(&self, now: u64) -> bool {
        self.is_alive(now) && self.entries.first().is_some_and(|entry| entry.score <= now)
    }
}

/// The effect of a read on the members that it returns.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum ReadMode {
    Peek,
    Claim { until: u64 },
    Take,
}

impl SortedSet {
    pub(crate) fn read(
        &mut self,
        now: u64,
        mode: ReadMode,
        max_age: Duration,
        result: &mut ReadResult,
    ) -> Vec<Vec<u8>> {
        let oldest = now.saturating_sub(millis(max_age));
        let old = |entry: &Entry| {
            let written_ms = entry.header().and_then(|header| header.unix_ms());
            entry.score <= now && written_ms.is_some_and(|written_ms| written_ms < oldest)
        };
        let visible = |entry: &Entry| entry.score <= now && !old(entry);
        let newer = |entry: &Entry| entry.header().is_some_and(|header| header.is_unsupported);
        let readable = |entry: &Entry| visible(entry) && !newer(entry);

        result.expired += self.entries.iter().filter(|entry| old(entry)).count() as u64;
        result.unsupported += self
            .entries
            .iter()
            .filter(|entry| visible(entry) && newer(entry))
            .count() as u64;
        let members: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| readable(entry))
            .collect();
        let members: Vec<_> = members.iter().map(|entry| entry.member.clone()).collect();
        if let Some(later) = self.entries.iter().find(|entry| entry.score > now) {
            result.record_due_in(Duration::from_millis(later.score - now));
        }
        // Reported only together with visible messages: a page shows the count beside them.
        if self.is_visible(now) {
            result.displaced += self.displaced;
            if mode != ReadMode::Peek {
                self.displaced = 0;
            }
        }
        if mode == ReadMode::Peek {
            return members;
        }
        self.remove(old);
        match mode {
            ReadMode::Claim { until } => self.rescore(&members, |_| Some(until)),
            _ => {
                self.remove(readable);
            }
        }
        members
    }

    pub(crate) fn add(
        &mut self,
        now: u64,
        members: Vec<(u64, Vec<u8>)>,
        limits: &Limits,
    ) -> Result<u64, Error> {
        let mut new_members: Vec<(u64, Vec<u8>)> = Vec::new();
        // Includes the ids of new messages that a later one with the same tag replaces, so that a
        // repeat of one changes nothing.
        let ids = self.entries.iter().filter_map(Entry::header);
        let mut ids: Vec<_> = ids.map(|header| header.id.to_vec()).collect();
        let mut latest = 0;
        for (delay, member) in members {
            let Some(header) = wire::member_header(&member) else {
                continue;
            };
            if ids.iter().any(|id| id == header.id) {
                continue;
            }
            ids.push(header.id.to_vec());
            latest = latest.max(delay);
            if let Some(tag) = header.tag {
                new_members.retain(|(_, other)| {
                    wire::member_header(other).is_none_or(|other| other.tag != Some(tag))
                });
            }
            new_members.push((delay, member));
        }
        let replaced = |entry: &Entry| {
            let tag = entry.header().and_then(|header| header.tag);
            tag.is_some()
                && new_members.iter().any(|(_, other)| {
                    wire::member_header(other).and_then(|header| header.tag) == tag
                })
        };
        let retained = self.entries.iter().filter(|entry| !replaced(entry)).count();
        let over = (retained + new_members.len()).saturating_sub(limits.max_messages);
        if over > 0 && limits.when_full == WhenFull::Reject {
            return Err(Error::full("the context is full"));
        }
        self.remove(replaced);
        self.entries.drain(..over.min(retained));
        new_members.drain(..over.saturating_sub(retained));
        for (delay, member) in new_members {
            self.insert(now + delay, member);
        }
        self.displaced += over as u64;
        self.extend_expiry(now + millis(limits.ttl) + latest);
        Ok(over as u64)
    }

    pub(crate) fn bytes(&self) -> usize {
        let cost = |entry: &Entry| entry.member.len() + MEMBER_COST;
        self.entries.iter().map(cost).sum()
    }

    pub(crate) fn merge(&mut self, other: Self, limits: &Limits) {
        for entry in other.entries {
            self.insert(entry.score, entry.member);
        }
        let over = self.entries.len().saturating_sub(limits.max_messages);
        self.entries.drain(..over);
        self.displaced += other.displaced + over as u64;
        self.extend_expiry(other.expires);
    }
}
