//! What may be wrong with a store, in named states.

use std::fmt;

/// A state in which messages do not arrive, or may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trouble {
    /// The store does not answer.
    Unreachable,
    /// This process asks it only now and then, since it did not answer.
    Resting,
    /// The user lacks a password or a right.
    Denied,
    /// It is too old.
    Outdated,
    /// It drops messages that nobody has read when memory runs short.
    Evicting,
    /// It has no memory left.
    Full,
    /// It can be read and not written to.
    ReadOnly,
    /// Its clock and that of this process differ by more than five seconds.
    ClockSkew,
    /// It does not tell this process of changes, so that every page asks.
    Silent,
    /// It has more contexts than this process keeps track of, so that every page asks.
    Crowded,
}

impl Trouble {
    /// Gives the name for metrics and alerts: `unreachable`, `resting`, `denied`, `outdated`, `evicting`,
    /// `full`, `read_only`, `clock_skew`, `silent`, `crowded`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Resting => "resting",
            Self::Denied => "denied",
            Self::Outdated => "outdated",
            Self::Evicting => "evicting",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::ClockSkew => "clock_skew",
            Self::Silent => "silent",
            Self::Crowded => "crowded",
        }
    }

    /// Tells what to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => "see whether the server runs, and whether its address is right",
            Self::Resting => "nothing: it is asked again within a second",
            Self::Denied => "see the user, the password, and the rights on the deployment page",
            Self::Outdated => "use Redis 6.2 or newer, or Valkey",
            Self::Evicting => "set `maxmemory-policy noeviction`",
            Self::Full => "raise `maxmemory`, or drop what is old with `Salver::sweep`",
            Self::ReadOnly => {
                "connect to the primary, by Sentinel if it changes; see why it refuses writes"
            }
            Self::ClockSkew => "let both machines keep time by NTP",
            Self::Silent => {
                "see the rights on the deployment page, or set `pending_index(false)`: pages ask each time"
            }
            Self::Crowded => {
                "let contexts expire sooner by `expiry`, or set `pending_index(false)`: pages ask each time"
            }
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    trouble: Trouble,
    detail: String,
}

impl Finding {
    /// For store authors. `detail` says what was seen, never a secret or the content of a message.
    #[must_use]
    pub fn new(trouble: Trouble, detail: impl Into<String>) -> Self {
        Self {
            trouble,
            detail: detail.into(),
        }
    }

    /// Gives the named state.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// Tells what was seen.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (detail, advice) = (&self.detail, self.trouble.advice());
        write!(f, "{}: {detail}; {advice}", self.trouble.name())
    }
}
