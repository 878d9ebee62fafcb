//! One call of a store, said so that the model and both stores understand it.

use std::fmt;

use salver::Message;

/// How long a context lives at least after a foreign writer put something in.
pub const PUT_LIVES: u64 = 60 * 60 * 1000;
pub const SESSIONS: [&str; 3] = ["ada", "bob", "eve"];
pub const VIEWS: [&str; 3] = ["settings", "uploads", "*"];

/// A context, by its place in [`SESSIONS`] and [`VIEWS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub session: usize,
    pub view: usize,
}

/// What is stored, and what its maker knows of it: the model does not read it.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    pub stored: String,
    /// None where it does not begin as it should.
    pub id: Option<String>,
    pub written: Option<u64>,
    pub tag: Option<String>,
    pub text: String,
    pub expires: Option<u64>,
    pub what: What,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stored)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Message,
    Unreadable,
    Newer,
}

/// A message on its way into a store.
#[derive(Clone, Debug)]
pub struct Sent {
    pub message: Message,
    pub member: Member,
    pub delay: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum Mode {
    Peek,
    Claim { lease: u64 },
    Take,
}

impl Mode {
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

/// The limits of a call; two processes may be set differently.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub messages: usize,
    pub contexts: usize,
    pub reject: bool,
    pub expiry: u64,
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
    Add(Place, Vec<Sent>, Bounds),
    Look(Vec<Place>, Mode, u64),
    /// Which claim, and the session that it follows before.
    Confirm(usize, Option<usize>),
    Release(usize, Option<usize>),
    Retract(Place, Target),
    Clear(Place),
    ClearSession(usize, Option<u64>),
    Migrate(Migration),
    Contexts(usize),
    Put(Place, Member),
}

/// What a store says to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    Here {
        displaced: u64,
    },
    Moved(usize),
    Closed,
    Full,
    Looked(Seen, Hold),
    Count(u64),
    Views(Vec<usize>),
    /// No answer in seconds: of a machine that stood still, not of a store.
    Silence,
    Other(String),
}

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Id, text and tag, in the order of the page.
    pub messages: Vec<(String, String, Option<String>)>,
    pub next: Option<u64>,
    pub displaced: u64,
    pub expired: u64,
    pub unreadable: u64,
    pub newer: u64,
}

/// What a claim holds; nothing after any other look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// Zero when it holds nothing: then nobody needs it.
    pub until: u64,
    pub members: Vec<(Place, String)>,
}
