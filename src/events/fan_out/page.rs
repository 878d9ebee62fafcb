//! Who has subscribed to an event: one step of a fan-out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::events::event::Event;
use crate::events::limits::MAX_RECIPIENTS_PER_STEP;
use crate::events::pattern::Pattern;
use crate::events::store::{self, IndexKey, Range};
use crate::{Error, Recipient, Salver};

/// The recipients among whom a step looks. Users are first, so that an address can be passed over whose user was notified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    User,
    Email,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::User => "user:",
            Self::Email => "email:",
        }
    }
}

/// A place in the recipients of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    #[serde(default)]
    kind: Kind,
    /// The last recipient of the step before; empty before the first one.
    #[serde(default)]
    after: String,
}

/// The recipients of one step, each with the patterns for which it is in the index.
pub(super) struct Page {
    pub(super) recipients: Vec<(Recipient, Vec<Pattern>)>,
    /// Where the next step begins; `None` after the last one.
    pub(super) next: Option<Cursor>,
}

impl Page {
    /// Returns some recipients, who are in the index for some of the patterns, as the last page.
    pub(super) fn of(recipients: &[Recipient], patterns: &[Pattern]) -> Self {
        let recipients = recipients.iter().cloned();
        Self {
            recipients: recipients.map(|of| (of, patterns.to_vec())).collect(),
            next: None,
        }
    }
}

/// Returns the patterns by which subscriptions may match an event.
pub(super) async fn patterns(salver: &Salver, event: &Event) -> Result<Vec<Pattern>, Error> {
    let store = store::of(salver)?;
    let mut patterns: Vec<Pattern> = Vec::new();
    for pattern in event.patterns() {
        let sets = store.filter_sets(salver.app(), &pattern.event_type);
        let sets = salver.read("filter_sets", sets).await?;
        for matching in sets.iter().filter_map(|names| pattern.restricted_to(names)) {
            if !patterns.contains(&matching) {
                patterns.push(matching);
            }
        }
    }
    Ok(patterns)
}

/// Returns the recipients of a step. All sets are read in the same order, so that a recipient occurs in one step, with
/// all patterns.
pub(super) async fn read(
    salver: &Salver,
    patterns: &[Pattern],
    cursor: Cursor,
) -> Result<Page, Error> {
    let store = store::of(salver)?;
    let mut merged: BTreeMap<String, Vec<Pattern>> = BTreeMap::new();
    let mut has_more = false;
    for pattern in patterns {
        let key = IndexKey::Subscribers(pattern.key());
        let range = Range {
            prefix: cursor.kind.prefix(),
            after: &cursor.after,
            limit: MAX_RECIPIENTS_PER_STEP,
        };
        let members = store.indexed(salver.app(), &key, range);
        let members = salver.read("subscribers", members).await?;
        has_more |= members.len() == MAX_RECIPIENTS_PER_STEP;
        for member in members {
            merged.entry(member).or_default().push(pattern.clone());
        }
    }
    has_more |= merged.len() > MAX_RECIPIENTS_PER_STEP;
    let step: Vec<_> = merged.into_iter().take(MAX_RECIPIENTS_PER_STEP).collect();
    let next = match (has_more, cursor.kind) {
        (true, kind) => step.last().map(|(after, _)| Cursor {
            kind,
            after: after.clone(),
        }),
        (false, Kind::User) if !patterns.is_empty() => Some(Cursor {
            kind: Kind::Email,
            after: String::new(),
        }),
        (false, _) => None,
    };
    let recipients = step.into_iter();
    let recipients = recipients.filter_map(|(member, of)| Some((member.parse().ok()?, of)));
    Ok(Page {
        recipients: recipients.collect(),
        next,
    })
}
