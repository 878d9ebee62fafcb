//! One store call and its outcome, in a form that the model and both stores share.

use std::fmt;

use salver::Message;

/// TTL of a context, in milliseconds, after an external writer added a member to it.
pub const PUT_TTL: u64 = 60 * 60 * 1000;
pub const SESSIONS: [&str; 3] = ["ada", "bob", "eve"];
pub const VIEWS: [&str; 3] = ["settings", "uploads", "*"];

/// A context, by its indices in [`SESSIONS`] and [`VIEWS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextRef {
    pub session: usize,
    pub view: usize,
}

/// A stored member, with the properties that its generator gave it. The model does not decode
/// members.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    pub stored: String,
    /// `None` if the stored bytes do not begin with an id.
    pub id: Option<String>,
    /// Creation time in the id, in Unix milliseconds.
    pub created_at: Option<u64>,
    pub tag: Option<String>,
    pub text: String,
    pub expires_at: Option<u64>,
    pub kind: MemberKind,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stored)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    Message,
    Undecodable,
    UnsupportedVersion,
}

/// A message to add, with the member that it becomes.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub message: Message,
    pub member: Member,
    pub delay: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum ReadMode {
    Peek,
    Claim { lease: u64 },
    Take,
}

impl ReadMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Peek => "peek",
            Self::Claim { .. } => "claim",
            Self::Take => "take",
        }
    }
}

#[derive(Clone, Debug)]
pub enum Target {
    Tag(String),
    Id(String),
}

/// The limits of a call. They vary between calls, as between processes with different
/// configurations.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub messages: usize,
    pub contexts: usize,
    pub reject: bool,
    pub ttl: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub from: usize,
    pub to: usize,
    pub open: bool,
    pub bounds: Bounds,
}

#[derive(Clone, Debug)]
pub enum Call {
    Add(ContextRef, Vec<NewMessage>, Bounds),
    Read(Vec<ContextRef>, ReadMode, u64),
    /// The index of the claim, and the session to which the claim is moved first.
    Confirm(usize, Option<usize>),
    Release(usize, Option<usize>),
    Retract(ContextRef, Target),
    Clear(ContextRef),
    ClearSession(usize, Option<u64>),
    Migrate(Migration),
    Contexts(usize),
    Put(ContextRef, Member),
}

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Added { displaced: u64 },
    SessionMoved(usize),
    SessionClosed,
    Full,
    Read(ReadOutcome, ModelClaim),
    Count(u64),
    Views(Vec<usize>),
    Other(String),
}

/// The messages and counts that a read returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOutcome {
    /// Id, text and tag, in the order of the page.
    pub messages: Vec<(String, String, Option<String>)>,
    pub next_due_in: Option<u64>,
    pub displaced: u64,
    pub expired: u64,
    pub undecodable: u64,
    pub unsupported: u64,
}

/// The members of a claim. Empty after a peek or a take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelClaim {
    /// Zero for a claim without members, which needs no lease.
    pub lease_until: u64,
    pub members: Vec<(ContextRef, String)>,
}
