//! The notifications that a request selects: a tab and filters, as a query string or a form.

use serde::Deserialize;
use time::{Date, Duration, Month, OffsetDateTime, Time};
use url::form_urlencoded::Serializer;

use crate::{Error, InboxFilter};

/// A tab of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tab {
    #[default]
    Unread,
    All,
    Archived,
}

impl Tab {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::All => "all",
            Self::Archived => "archived",
        }
    }
}

/// The part of the list that a request asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Paging {
    /// The cursor of the page before.
    pub(super) after: Option<String>,
    /// The position of the first row of the page after.
    pub(super) before: Option<String>,
    pub(super) limit: Option<usize>,
    /// Whether notifications of one group are one row.
    pub(super) grouped: Option<bool>,
}

impl Paging {
    /// Returns the fields that select the page, for a link or a form.
    pub(super) fn cursor(&self) -> Vec<(&'static str, &str)> {
        let fields = [("after", &self.after), ("before", &self.before)];
        let fields = fields.into_iter();
        fields
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .collect()
    }
}

/// The notifications that a request selects. An empty field of a form is no condition.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Selection {
    pub(super) tab: Tab,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) group: String,
    pub(super) text: String,
    /// The first and the last day, as `2026-11-28`, in UTC.
    pub(super) since: String,
    pub(super) until: String,
}

impl Selection {
    /// Returns everything in a tab.
    pub(super) fn of_tab(tab: Tab) -> Self {
        Self {
            tab,
            ..Self::default()
        }
    }

    /// Returns the filter.
    ///
    /// # Errors
    ///
    /// `is_invalid` for a day that does not exist.
    pub(super) fn filter(&self) -> Result<InboxFilter, Error> {
        let mut filter = match self.tab {
            Tab::Unread => InboxFilter::unread(),
            Tab::All => InboxFilter::all(),
            Tab::Archived => InboxFilter::archived(),
        };
        if !self.kind.is_empty() {
            filter = filter.kind(&self.kind);
        }
        if !self.subject.is_empty() {
            filter = filter.subject(&self.subject);
        }
        if !self.group.is_empty() {
            filter = filter.group(&self.group);
        }
        if !self.text.trim().is_empty() {
            filter = filter.text(&self.text);
        }
        if !self.since.is_empty() {
            filter = filter.since(day("since", &self.since)?);
        }
        if !self.until.is_empty() {
            let last = Duration::DAY - Duration::MILLISECOND;
            // The last day that `time` represents has no other after it.
            let end = day("until", &self.until)?.checked_add(last);
            filter = end.map_or(filter.clone(), |end| filter.until(end));
        }
        Ok(filter)
    }

    /// Returns the fields other than the tab that have a value.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [
            ("kind", &self.kind),
            ("subject", &self.subject),
            ("group", &self.group),
            ("text", &self.text),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let fields = fields.into_iter();
        let fields = fields.filter(|(_, value)| !value.trim().is_empty());
        fields.map(|(name, value)| (name, value.as_str()))
    }

    pub(super) fn is_filtered(&self) -> bool {
        self.conditions().next().is_some()
    }

    /// Returns the query string of the list, with further fields.
    pub(super) fn query(&self, more: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("tab", self.tab.name());
        query.extend_pairs(self.conditions());
        query.extend_pairs(more);
        query.finish()
    }

    /// Returns the same conditions in another tab.
    pub(super) fn in_tab(&self, tab: Tab) -> Self {
        Self {
            tab,
            ..self.clone()
        }
    }
}

/// Parses a day as `<input type="date">` submits it.
fn day(field: &'static str, text: &str) -> Result<OffsetDateTime, Error> {
    let mut parts = text.splitn(3, '-').map(str::parse::<u16>);
    let mut next = || parts.next()?.ok();
    let date = next()
        .zip(next())
        .zip(next())
        .and_then(|((year, month), day)| {
            let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
            Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
        });
    let date = date.ok_or_else(|| Error::invalid(field, "is not a day such as 2026-11-28"))?;
    Ok(OffsetDateTime::new_utc(date, Time::MIDNIGHT))
}
