//! One call on the inboxes and its outcome, in a form that the model and both stores share.

use std::collections::BTreeMap;

use salver::{InboxFilter, Message, MessageId, Notification, ReadState, Recipient};
use time::OffsetDateTime;

pub const RECIPIENTS: usize = 3;
/// Pages of a list that are compared. Each reads the whole day again, to recognise groups.
pub const MAX_PAGES: usize = 5;

pub fn recipient(index: usize) -> Recipient {
    match index {
        0 => Recipient::user("ada"),
        1 => Recipient::user("bob"),
        _ => Recipient::email("eve@example.org").unwrap(),
    }
}

/// A notification, with the properties that its generator gave it.
#[derive(Clone, Debug)]
pub struct Note {
    /// Its index in the run, which is in its text.
    pub serial: usize,
    pub id: MessageId,
    /// Creation time in the id, in Unix milliseconds. No other notification of the run has it.
    pub built_at: u64,
    pub kind: &'static str,
    pub subject: Option<&'static str>,
    pub group: Option<&'static str>,
    pub tag: Option<&'static str>,
    /// The recipient who caused it.
    pub actor: Option<usize>,
    pub is_read: bool,
}

pub const ACTORS: [&str; RECIPIENTS] = ["Ada", "Bob", "Eve"];

impl Note {
    /// Returns the text that a recipient gets.
    pub fn text(&self, recipient: usize) -> String {
        let serial = self.serial;
        match self.actor == Some(recipient) {
            true => format!("Number {serial} by you"),
            false => format!("Number {serial}"),
        }
    }

    pub fn build(&self) -> Notification {
        let message = |text: String| {
            let message = Message::info(text).with_id(self.id);
            match self.tag {
                Some(tag) => message.tag(tag),
                None => message,
            }
        };
        let mut built = Notification::new(self.kind, message(format!("Number {}", self.serial)));
        if let Some(subject) = self.subject {
            built = built.subject(subject);
        }
        if let Some(group) = self.group {
            built = built.group(group);
        }
        if let Some(actor) = self.actor {
            built = built.actor(&recipient(actor), ACTORS[actor]);
            built = built.for_actor(message(self.text(actor)));
        }
        match self.is_read {
            true => built.already_read(),
            false => built,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    All,
    Unread,
    Archived,
}

/// The conditions of a filter.
#[derive(Clone, Debug)]
pub struct Selection {
    pub tab: Tab,
    pub kind: Option<&'static str>,
    pub subject: Option<&'static str>,
    pub group: Option<&'static str>,
    pub text: Option<&'static str>,
    /// Notifications with an id that is known, by their serials.
    pub serials: Option<Vec<usize>>,
    pub since: Option<u64>,
    pub until: Option<u64>,
    pub is_grouped: bool,
    pub limit: usize,
}

impl Selection {
    pub fn tab(tab: Tab) -> Self {
        Self {
            tab,
            kind: None,
            subject: None,
            group: None,
            text: None,
            serials: None,
            since: None,
            until: None,
            is_grouped: true,
            limit: 20,
        }
    }

    /// Returns whether nothing but the highest position narrows the tab.
    pub fn is_range(&self) -> bool {
        let texts = [self.kind, self.subject, self.group, self.text];
        texts.iter().all(Option::is_none) && self.serials.is_none() && self.since.is_none()
    }

    /// Returns the serials if they are the only condition.
    pub fn only_serials(&self) -> Option<&[usize]> {
        let serials = None;
        let is_only = Self {
            serials,
            ..self.clone()
        }
        .is_range()
            && self.until.is_none();
        self.serials.as_deref().filter(|_| is_only)
    }

    /// Returns the filter. `ids`: the ids that a recipient has, by serial.
    pub fn filter(&self, ids: &BTreeMap<usize, MessageId>) -> InboxFilter {
        let mut filter = match self.tab {
            Tab::All => InboxFilter::all(),
            Tab::Unread => InboxFilter::unread(),
            Tab::Archived => InboxFilter::archived(),
        };
        if let Some(kind) = self.kind {
            filter = filter.kind(kind);
        }
        if let Some(subject) = self.subject {
            filter = filter.subject(subject);
        }
        if let Some(group) = self.group {
            filter = filter.group(group);
        }
        if let Some(text) = self.text {
            filter = filter.text(text);
        }
        if let Some(serials) = &self.serials {
            filter = filter.ids(serials.iter().map(|serial| ids[serial]));
        }
        if let Some(since) = self.since {
            filter = filter.since(time(since));
        }
        if let Some(until) = self.until {
            filter = filter.until(time(until));
        }
        if !self.is_grouped {
            filter = filter.ungrouped();
        }
        filter.limit(self.limit)
    }
}

fn time(unix_ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).unwrap()
}

#[derive(Clone, Debug)]
pub enum Call {
    Notify(Vec<usize>, Vec<Note>),
    List(usize, Selection),
    Mark(usize, Selection, ReadState),
    MarkSeen(usize),
    Retract(usize, Selection),
    Erase(usize),
    Export(usize),
}

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Changed(u64),
    /// The first pages of a list.
    Listed(Vec<Page>),
    Exported {
        notifications: Vec<Exported>,
        archived: Vec<Exported>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub rows: Vec<Row>,
    pub next: Option<String>,
    pub unread: u64,
    pub unseen: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Position, text and whether it is unread, newest first.
    pub notifications: Vec<Exported>,
    pub count: u64,
    pub unread: u64,
    pub actors: Vec<String>,
}

pub type Exported = (u64, String, bool);

/// The unseen, the unread and all notifications of each recipient.
pub type Counts = [(u64, u64, u64); RECIPIENTS];
