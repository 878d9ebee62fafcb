//! What a store hands out: what it read, and what a claim holds.

use std::fmt;
use std::time::Duration;

use crate::telemetry::Skipped;
use crate::wire::{self, DecodeError};
use crate::{Context, Message, SessionId};

/// What a look found. Printed by `Debug` without the messages' content.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ReadResult {
    /// The messages, in the order of their ids.
    pub messages: Vec<Message>,
    /// How long until the earliest message that was not handed out may be shown.
    pub next_due_in: Option<Duration>,
    /// How many messages were displaced since the last claim or take: the page's "and N more".
    pub displaced: u64,
    /// How many were too old or past their deadline.
    pub expired: u64,
    /// How many could not be read.
    pub undecodable: u64,
    /// How many a newer version wrote.
    pub unsupported: u64,
}

impl fmt::Debug for ReadResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("messages", &self.messages.len())
            .field("next", &self.next_due_in)
            .field("displaced", &self.displaced)
            .field("expired", &self.expired)
            .field("unreadable", &self.undecodable)
            .field("newer", &self.unsupported)
            .finish()
    }
}

impl ReadResult {
    /// Sorts what a look read into messages and counts, dropping what is past its deadline at `unix_ms`.
    ///
    /// `members` are stored ones, as [`wire::encode`] writes them. Gives back those that the reader is
    /// through with once it confirms: all but those of a newer version.
    #[must_use]
    pub fn read_members(&mut self, unix_ms: u64, mut members: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        members.retain(|member| {
            match wire::decode(member) {
                Ok(message) if message.is_expired_at(unix_ms) => self.expired += 1,
                Ok(message) => self.messages.push(message),
                Err(DecodeError::Malformed) => self.undecodable += 1,
                Err(DecodeError::UnsupportedVersion) => {
                    self.unsupported += 1;
                    return false;
                }
            }
            true
        });
        self.messages.sort_by_key(Message::id);
        members
    }

    /// Returns how many members it skipped, for the metrics.
    pub(crate) fn skipped(&self) -> Skipped {
        Skipped {
            expired: self.expired,
            undecodable: self.undecodable,
            unsupported: self.unsupported,
        }
    }

    /// Notes that a message may be shown after this time, if none comes earlier.
    pub fn note_due_in(&mut self, time: Duration) {
        self.next_due_in = Some(self.next_due_in.map_or(time, |next| next.min(time)));
    }
}

/// Messages held under a lease until confirmed or released.
///
/// Dropping it does nothing: the messages come back when the lease ends.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claim {
    /// What it holds, for the page.
    pub result: ReadResult,
    /// What it holds, for the store: stored members by context.
    pub members: Vec<ClaimedMembers>,
    /// The end of the lease, in Unix milliseconds of the store's clock: the mark by which a release
    /// knows its own.
    pub lease_until_ms: u64,
}

impl Claim {
    /// Gives the messages, in the order of their ids.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.result.messages
    }

    /// Tells whether there is nothing to confirm or release.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members
            .iter()
            .all(|claimed| claimed.members.is_empty())
    }

    /// Tells whether a message is for whichever page comes next.
    #[cfg(feature = "live")]
    pub(crate) fn is_for_any(&self, message: &Message) -> bool {
        let id = message.id().to_string();
        let for_any = self
            .members
            .iter()
            .filter(|claimed| claimed.context.view().is_any());
        let mut members = for_any.flat_map(|claimed| &claimed.members);
        members.any(|member| has_id(member, &id))
    }

    /// Takes out what it holds beside its messages; none if there is nothing.
    #[cfg(feature = "web")]
    pub(crate) fn split_undecodable(&mut self) -> Option<Self> {
        let members: usize = self
            .members
            .iter()
            .map(|claimed| claimed.members.len())
            .sum();
        if members == self.result.messages.len() {
            return None;
        }
        let returned: Vec<_> = self
            .result
            .messages
            .iter()
            .map(|message| message.id().to_string())
            .collect();
        let is_shown = |member: &Vec<u8>| returned.iter().any(|id| has_id(member, id));
        let kept = self
            .members
            .iter()
            .flat_map(|claimed| &claimed.members)
            .filter(|member| is_shown(member));
        if kept.count() < returned.len() {
            // A store that keeps them otherwise: which is which, it alone knows.
            return None;
        }
        let mut rest = Self {
            lease_until_ms: self.lease_until_ms,
            ..Self::default()
        };
        for claimed in &mut self.members {
            let (kept, undecodable) = std::mem::take(&mut claimed.members)
                .into_iter()
                .partition(is_shown);
            claimed.members = kept;
            rest.members
                .push(ClaimedMembers::new(claimed.context.clone(), undecodable));
        }
        Some(rest)
    }

    /// Follows the messages to a new session id after a migrate.
    pub fn follow_session(&mut self, session: &SessionId) {
        for claimed in &mut self.members {
            claimed.context = claimed.context.with_session(session.clone());
        }
    }
}

/// Tells whether a stored member is the message of an id.
#[cfg(feature = "web")]
fn has_id(member: &[u8], id: &str) -> bool {
    wire::member_header(member).is_some_and(|head| head.id == id.as_bytes())
}

/// The stored members that a claim holds in one context.
#[derive(Clone)]
#[non_exhaustive]
pub struct ClaimedMembers {
    /// Where they are.
    pub context: Context,
    /// The members, byte for byte.
    pub members: Vec<Vec<u8>>,
}

impl ClaimedMembers {
    /// Puts together what a claim holds in one context.
    #[must_use]
    pub fn new(context: Context, members: Vec<Vec<u8>>) -> Self {
        Self { context, members }
    }
}

impl fmt::Debug for ClaimedMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("context", &self.context)
            .field("members", &self.members.len())
            .finish()
    }
}
