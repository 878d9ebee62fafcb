//! Filters and groups: they run in the process, over pages of the store.

use crate::inbox::encoding;
use crate::inbox::key::InboxKey;
#[cfg(feature = "web")]
use crate::inbox::limits::MAX_NOTIFICATIONS;
use crate::inbox::limits::{GROUP_PERIOD, READ_SIZE};
use crate::inbox::results::{InboxPage, InboxRow};
use crate::inbox::rows::{Row, Rows};
use crate::inbox::store::{Entry, InboxStore, Page};
use crate::store::millis;
use crate::{Error, InboxFilter, MessageId, Notification, Salver};

/// The inbox that is read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) salver: &'a Salver,
    pub(super) store: &'a dyn InboxStore,
    pub(super) key: InboxKey<'a>,
}

/// Where a page begins: after the last row of the page before, and without the notifications that
/// have arrived since the first page. A group that got one of them keeps its place in the list.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    after: u64,
    newest: u64,
}

impl Cursor {
    /// The beginning of the list.
    pub(super) const START: Self = Self {
        after: u64::MAX,
        newest: u64::MAX,
    };

    /// Parses a cursor. `field`: its name, for the error.
    pub(super) fn parse(field: &'static str, cursor: &str) -> Result<Self, Error> {
        let (after, newest) = match cursor.split_once('.') {
            Some((after, newest)) => (after.parse().ok(), newest.parse().ok()),
            None => (cursor.parse().ok(), Some(u64::MAX)),
        };
        let positions = after.zip(newest).filter(|(after, _)| *after > 0);
        let cursor = positions.map(|(after, newest)| Self { after, newest });
        cursor.ok_or_else(|| Error::invalid(field, "is not a cursor that a list returned"))
    }

    /// Returns the cursor of the page after a row.
    fn text(after: u64, newest: u64) -> String {
        format!("{after}.{newest}")
    }
}

impl Rows {
    /// Returns whether a page with groups is complete when everything down to a position has been read:
    /// there is one row more than it has, and all notifications of its groups are in the read part.
    /// Those of a group are of one day.
    fn is_complete(&self, cursor: Cursor, limit: usize, read_down_to: u64) -> bool {
        let after = self.rows.iter().filter(|row| row.position() < cursor.after);
        let mut page = after.clone().take(limit).filter(|row| row.is_group);
        after.clone().count() > limit && page.all(|row| read_down_to <= day_start(row.position()))
    }

    /// `has_more`: whether there are rows after those that were read.
    fn finish(
        self,
        cursor: Cursor,
        limit: usize,
        has_more: bool,
    ) -> (Vec<InboxRow>, Option<String>) {
        let first = self.rows.first().map_or(0, Row::position);
        // The first page decides which notifications the further ones have.
        let newest = match cursor.after {
            u64::MAX => first,
            _ => cursor.newest,
        };
        let after = self
            .rows
            .into_iter()
            .filter(|row| row.position() < cursor.after);
        let mut rows: Vec<_> = after.filter_map(Row::finish).collect();
        let has_next = rows.len() > limit || has_more;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_next);
        let next = last.map(|row| Cursor::text(row.newest.position(), newest));
        (rows, next)
    }
}

/// Returns the first position of the day of a position.
fn day_start(position: u64) -> u64 {
    let day = millis(GROUP_PERIOD);
    position / day * day
}

/// Lists one page.
pub(super) async fn list(
    source: Source<'_>,
    filter: &InboxFilter,
    cursor: Cursor,
) -> Result<InboxPage, Error> {
    let mut rows = Rows::default();
    // A group of the page before may have notifications after the cursor: reading begins with the
    // day of the cursor, so that they are recognised.
    let end_of_day = day_start(cursor.after).saturating_add(millis(GROUP_PERIOD));
    let before = match filter.is_grouped {
        true => cursor.after.max(end_of_day),
        false => cursor.after,
    };
    let before = before.min(cursor.newest.saturating_add(1));
    let is_exact = !filter.is_grouped && filter.is_whole_place();
    let size = match is_exact {
        true => READ_SIZE.min(filter.limit),
        false => READ_SIZE,
    };
    let wanted = match is_exact {
        true => filter.limit,
        false => filter.max_matches(),
    };
    let mut reader = PlaceReader::new(source, filter, before, size);
    let (mut counts, mut found) = (None, 0);
    while let Some(page) = reader.next().await? {
        let newest_read = page.entries.first().map_or(0, |entry| entry.position);
        counts.get_or_insert((page.unread, page.unseen, newest_read));
        for (entry, notification) in reader.matching(page.entries) {
            rows.push(entry, notification, filter.is_grouped);
            found += 1;
        }
        if found >= wanted || rows.is_complete(cursor, filter.limit, reader.before) {
            break;
        }
    }
    let has_more = is_exact && !reader.is_finished;
    let (rows, next) = rows.finish(cursor, filter.limit, has_more);
    let (unread, unseen, newest_read) = counts.unwrap_or_default();
    Ok(InboxPage {
        rows,
        next,
        unread,
        unseen,
        newest_read,
    })
}

/// Lists the page before a position. Returns whether there is a page before that one.
///
/// Reads from the beginning of the list, which has at most the cap of notifications.
#[cfg(feature = "web")]
pub(super) async fn list_newer(
    source: Source<'_>,
    filter: &InboxFilter,
    before: Cursor,
) -> Result<(InboxPage, bool), Error> {
    let whole = filter.clone().limit(MAX_NOTIFICATIONS);
    let mut page = list(source, &whole, Cursor::START).await?;
    let newest = page.rows.first().map_or(0, |row| row.newest.position());
    let newer = page
        .rows
        .iter()
        .filter(|row| row.newest.position() > before.after);
    let skipped = newer.count().saturating_sub(filter.limit);
    page.rows.drain(..skipped);
    if page.rows.len() > filter.limit {
        page.rows.truncate(filter.limit);
        let last = page.rows.last();
        page.next = last.map(|row| Cursor::text(row.newest.position(), newest));
    }
    Ok((page, skipped > 0))
}

/// Returns the ids of all notifications that a filter selects.
pub(super) async fn matching_ids(
    source: Source<'_>,
    filter: &InboxFilter,
) -> Result<Vec<MessageId>, Error> {
    let mut reader = PlaceReader::new(source, filter, u64::MAX, READ_SIZE);
    let mut ids = Vec::new();
    while let Some(page) = reader.next().await? {
        let matching = reader.matching(page.entries);
        ids.extend(matching.map(|(_, notification)| notification.id()));
    }
    Ok(ids)
}

/// Reads the place of a filter page by page, newest first.
struct PlaceReader<'a> {
    source: Source<'a>,
    filter: &'a InboxFilter,
    size: usize,
    /// Everything from this position on has been read.
    before: u64,
    is_finished: bool,
}

impl<'a> PlaceReader<'a> {
    fn new(source: Source<'a>, filter: &'a InboxFilter, before: u64, size: usize) -> Self {
        Self {
            source,
            filter,
            size,
            before: before.min(filter.until.saturating_add(1)),
            is_finished: false,
        }
    }

    /// Reads the next page; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Page>, Error> {
        if self.is_finished {
            return Ok(None);
        }
        let Source { salver, store, key } = self.source;
        let call = store.list(key, self.filter.place, self.before, self.size);
        let page = salver.read("list", call).await?;
        if let Some(last) = page.entries.last() {
            self.before = last.position;
        }
        // A page without a readable one does not lead any further.
        let is_last = !page.has_more || page.entries.is_empty();
        self.is_finished = is_last || self.before <= self.filter.since;
        Ok(Some(page))
    }

    /// Returns the notifications that match. Those that cannot be decoded are skipped.
    fn matching(&self, entries: Vec<Entry>) -> impl Iterator<Item = (Entry, Notification)> {
        let filter = self.filter;
        entries.into_iter().filter_map(move |entry| {
            let mut notification = encoding::decode(&entry.member).ok()?;
            notification.position = entry.position;
            notification.is_unread = entry.is_unread;
            let matches = entry.position >= filter.since && filter.matches(&notification);
            matches.then_some((entry, notification))
        })
    }
}
