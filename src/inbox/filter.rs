//! Which notifications of an inbox a call concerns.

use std::fmt;

use time::OffsetDateTime;

use crate::inbox::limits::{DEFAULT_ROWS, MAX_GROUP_BYTES, MAX_ROWS, MAX_SUBJECT_BYTES};
use crate::inbox::notification::{Notification, validate_kind};
use crate::inbox::store::Place;
use crate::validate::{validate_line, validate_text};
use crate::{Error, MessageId};

/// Longest text of a search in bytes. Bounds the work of one comparison.
const MAX_SEARCH_BYTES: usize = 256;

/// Selects notifications of an inbox: one of three tabs, narrowed by conditions that must all hold.
///
/// Building never fails. The call that uses the filter validates it, and fails with
/// [`is_invalid`](Error::is_invalid). A condition that is set twice has the later value.
///
/// `Debug` omits the conditions, so that what a person searches for does not appear in logs.
///
/// ```
/// use salver::InboxFilter;
///
/// let filter = InboxFilter::unread().kind("graph").subject("graphs/7").limit(50);
/// ```
#[derive(Clone, PartialEq)]
pub struct InboxFilter {
    pub(super) place: Place,
    kind: Option<String>,
    subject: Option<String>,
    group: Option<String>,
    ids: Option<Vec<MessageId>>,
    /// The lowest and the highest position, inclusive.
    pub(super) since: u64,
    pub(super) until: u64,
    /// In lower case.
    text: Option<String>,
    pub(super) is_grouped: bool,
    pub(super) limit: usize,
}

impl InboxFilter {
    fn new(place: Place) -> Self {
        Self {
            place,
            kind: None,
            subject: None,
            group: None,
            ids: None,
            since: 0,
            until: u64::MAX,
            text: None,
            is_grouped: true,
            limit: DEFAULT_ROWS,
        }
    }

    /// Selects all notifications that are not archived, read or not.
    #[must_use]
    pub fn all() -> Self {
        Self::new(Place::Inbox)
    }

    /// Selects the unread ones.
    #[must_use]
    pub fn unread() -> Self {
        Self::new(Place::Unread)
    }

    /// Selects the archived ones.
    #[must_use]
    pub fn archived() -> Self {
        Self::new(Place::Archived)
    }

    /// Narrows to a kind: `graph` selects `graph` and every kind that begins with `graph.`. 1 to
    /// 128 characters of `A-Z a-z 0-9 - . _ ~`. Default: any kind.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Narrows to a subject: one line, 1 to 256 bytes, compared as a whole. Default: any or none.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Narrows to a group, of any day: one line, 1 to 256 bytes. Default: any or none.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Narrows to the notifications with these ids. No ids select nothing; an id that the inbox
    /// does not have is skipped. Default: any id.
    #[must_use]
    pub fn ids(mut self, ids: impl IntoIterator<Item = MessageId>) -> Self {
        self.ids = Some(ids.into_iter().collect());
        self
    }

    /// Narrows to those that were added at this time or later, by the clock of the store in
    /// milliseconds. Default: no limit.
    #[must_use]
    pub fn since(mut self, time: OffsetDateTime) -> Self {
        self.since = unix_ms(time);
        self
    }

    /// Narrows to those that were added at this time or earlier, by the clock of the store in
    /// milliseconds. Default: no limit.
    #[must_use]
    pub fn until(mut self, time: OffsetDateTime) -> Self {
        self.until = unix_ms(time);
        self
    }

    /// Narrows to those up to a position, such as that of the newest one that was listed.
    #[cfg(feature = "web")]
    pub(super) fn up_to(mut self, position: u64) -> Self {
        self.until = position;
        self
    }

    /// Narrows to those whose text, title or name of the actor contains a text, in any letter case:
    /// 1 to 256 bytes, without the white space at its ends. Texts are compared as they were
    /// written, not as they are translated. Default: any text.
    #[must_use]
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        self.text = Some(text.as_ref().trim().to_lowercase());
        self
    }

    /// Lists each notification in a row of its own. Default: those of one group and day share a
    /// row.
    #[must_use]
    pub fn ungrouped(mut self) -> Self {
        self.is_grouped = false;
        self
    }

    /// Sets the number of rows of a page: 1 to 100. Default: 20.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = rows;
        self
    }

    /// Returns the same conditions for another place.
    pub(super) fn in_place(self, place: Place) -> Self {
        Self { place, ..self }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        if let Some(kind) = &self.kind {
            validate_kind(kind)?;
        }
        if let Some(subject) = &self.subject {
            validate_line("subject", subject, MAX_SUBJECT_BYTES)?;
        }
        if let Some(group) = &self.group {
            validate_line("group", group, MAX_GROUP_BYTES)?;
        }
        if let Some(text) = &self.text {
            validate_text("text", text, MAX_SEARCH_BYTES)?;
        }
        match (1..=MAX_ROWS).contains(&self.limit) {
            true => Ok(()),
            false => Err(Error::invalid(
                "limit",
                format!("is not between 1 and {MAX_ROWS}"),
            )),
        }
    }

    /// Returns the ids, if they are the only condition: then nothing has to be read to mark them.
    pub(super) fn only_ids(&self) -> Option<&[MessageId]> {
        let ids = self.ids.as_deref().filter(|_| self.place == Place::Inbox)?;
        let is_only = Self {
            ids: None,
            ..self.clone()
        }
        .is_whole_place()
            && self.until == u64::MAX;
        is_only.then_some(ids)
    }

    /// Returns how many notifications match at most, if the ids say so.
    pub(super) fn max_matches(&self) -> usize {
        self.ids.as_ref().map_or(usize::MAX, Vec::len)
    }

    /// Returns whether all notifications of the place match, up to the highest position.
    pub(super) fn is_whole_place(&self) -> bool {
        self.has_no_condition() && self.since == 0
    }

    /// Returns whether nothing but the time narrows the place.
    fn has_no_condition(&self) -> bool {
        let texts = [&self.kind, &self.subject, &self.group, &self.text];
        texts.iter().all(|text| text.is_none()) && self.ids.is_none()
    }

    /// Returns whether a notification at a place and a time of the filter matches the other
    /// conditions.
    pub(super) fn matches(&self, notification: &Notification) -> bool {
        let equals = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        let kind = self.kind.as_deref();
        kind.is_none_or(|kind| notification.is_of_kind(kind))
            && equals(&self.subject, notification.get_subject())
            && equals(&self.group, notification.get_group())
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&notification.id()))
            && self
                .text
                .as_deref()
                .is_none_or(|text| contains(notification, text))
    }
}

impl fmt::Debug for InboxFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxFilter")
            .field("place", &self.place)
            .field("is_grouped", &self.is_grouped)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Returns whether a notification contains a text in lower case.
fn contains(notification: &Notification, text: &str) -> bool {
    let actor = notification.get_actor().map(|(_, name)| name);
    let texts = [Some(notification.text()), notification.get_title(), actor];
    texts
        .into_iter()
        .flatten()
        .any(|value| value.to_lowercase().contains(text))
}

fn unix_ms(time: OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}
