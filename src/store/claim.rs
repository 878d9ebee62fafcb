//! The results of reads and claims.

use std::fmt;
use std::time::Duration;

#[cfg(feature = "live")]
use crate::View;
use crate::telemetry::Skipped;
use crate::wire::{self, DecodeError};
use crate::{Context, Message, SessionId};

/// The result of a read. `Debug` prints counts instead of the content of messages.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ReadResult {
    /// The messages, ordered by id.
    pub messages: Vec<Message>,
    /// Time until the earliest message that was not returned becomes visible.
    pub next_due_in: Option<Duration>,
    /// Number of messages displaced since the last claim or take, for "and N more" on the page.
    pub displaced: u64,
    /// Number of messages that were expired or older than the maximum age.
    pub expired: u64,
    /// Number of members that could not be decoded.
    pub undecodable: u64,
    /// Number of members that a newer version wrote.
    pub unsupported: u64,
}

impl fmt::Debug for ReadResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadResult")
            .field("messages", &self.messages.len())
            .field("next_due_in", &self.next_due_in)
            .field("displaced", &self.displaced)
            .field("expired", &self.expired)
            .field("undecodable", &self.undecodable)
            .field("unsupported", &self.unsupported)
            .finish()
    }
}

impl ReadResult {
    /// Decodes the members of a read. Adds the messages and counts, and drops the messages that are
    /// past their deadline at `unix_ms`.
    ///
    /// `members` are stored members, as written by [`wire::encode`]. Returns those that a confirm
    /// removes: all but the members of a newer version.
    #[must_use]
    pub fn decode_members(&mut self, unix_ms: u64, mut members: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
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

    /// Decodes the members of one context for a claim. `displaced_before`: the number before this
    /// context was read.
    pub(crate) fn claimed_members(
        &mut self,
        context: &Context,
        displaced_before: u64,
        unix_ms: u64,
        members: Vec<Vec<u8>>,
    ) -> ClaimedMembers {
        let members = self.decode_members(unix_ms, members);
        ClaimedMembers {
            displaced: self.displaced - displaced_before,
            ..ClaimedMembers::new(context.clone(), members)
        }
    }

    /// Returns the numbers of skipped members, for the metrics.
    pub(crate) fn skipped(&self) -> Skipped {
        Skipped {
            expired: self.expired,
            undecodable: self.undecodable,
            unsupported: self.unsupported,
        }
    }

    /// Records that a message becomes visible after this time. An earlier time that is recorded
    /// stays.
    pub fn record_due_in(&mut self, time: Duration) {
        self.next_due_in = Some(self.next_due_in.map_or(time, |next| next.min(time)));
    }
}

/// Messages held under a lease until confirmed or released.
///
/// Dropping it has no effect on the store: the messages become visible again when the lease expires.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claim {
    /// The messages and counts, for the page.
    pub result: ReadResult,
    /// The stored members by context, for the store.
    pub members: Vec<ClaimedMembers>,
    /// The end of the lease, in Unix milliseconds of the store's clock. A release identifies the
    /// members of this claim by it.
    pub lease_until_ms: u64,
}

impl Claim {
    /// Returns the messages, ordered by id.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.result.messages
    }

    /// Returns whether there is nothing to confirm or release.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members
            .iter()
            .all(|claimed| claimed.members.is_empty())
    }

    /// Returns the view of a message.
    #[cfg(feature = "live")]
    pub(crate) fn view_of(&self, message: &Message) -> Option<&View> {
        let id = message.id().to_string();
        let has_message =
            |claimed: &&ClaimedMembers| claimed.members.iter().any(|member| has_id(member, &id));
        let claimed = self.members.iter().find(has_message)?;
        Some(claimed.context.view())
    }

    /// Returns how many messages were displaced in each view. A store may not report it for each.
    #[cfg(feature = "live")]
    pub(crate) fn displaced_by_view(&self) -> Vec<(Option<&View>, u64)> {
        let claimed = self.members.iter();
        let known = claimed.map(|claimed| (Some(claimed.context.view()), claimed.displaced));
        let sum: u64 = self.members.iter().map(|claimed| claimed.displaced).sum();
        let unknown = (None, self.result.displaced.saturating_sub(sum));
        let mut displaced: Vec<_> = known.chain([unknown]).collect();
        displaced.retain(|(_, count)| *count > 0);
        displaced
    }

    /// Splits off the members that have no message in the result. Returns `None` if there are none.
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
            // A custom store with another member format: the members without a message are unknown
            // here.
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

    /// Changes the contexts to a new session id, after a migrate.
    pub fn follow_session(&mut self, session: &SessionId) {
        for claimed in &mut self.members {
            claimed.context = claimed.context.with_session(session.clone());
        }
    }
}

/// Returns whether a stored member has this message id.
#[cfg(feature = "web")]
fn has_id(member: &[u8], id: &str) -> bool {
    wire::member_header(member).is_some_and(|header| header.id == id.as_bytes())
}

/// The members of a claim in one context.
#[derive(Clone)]
#[non_exhaustive]
pub struct ClaimedMembers {
    /// The context.
    pub context: Context,
    /// The members, byte for byte as stored.
    pub members: Vec<Vec<u8>>,
    /// The part of [`ReadResult::displaced`] that belongs to this context.
    pub displaced: u64,
}

impl ClaimedMembers {
    /// Creates the members of a claim in one context.
    #[must_use]
    pub fn new(context: Context, members: Vec<Vec<u8>>) -> Self {
        Self {
            context,
            members,
            displaced: 0,
        }
    }
}

impl fmt::Debug for ClaimedMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedMembers")
            .field("context", &self.context)
            .field("members", &self.members.len())
            .field("displaced", &self.displaced)
            .finish()
    }
}
