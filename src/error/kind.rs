//! The kinds of errors, and their texts.

use std::fmt;

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Invalid {
        field: &'static str,
        problem: String,
    },
    Unavailable {
        reason: &'static str,
    },
    InDoubt {
        reason: &'static str,
    },
    Full {
        what: &'static str,
    },
    #[cfg_attr(
        not(feature = "events"),
        expect(dead_code, reason = "only events conflict")
    )]
    Conflict,
    Denied,
    Unreadable {
        what: &'static str,
    },
    Closed,
    #[cfg_attr(
        not(all(feature = "inbox", feature = "web")),
        expect(dead_code, reason = "only an inbox belongs to a person")
    )]
    Anonymous,
    #[cfg_attr(
        not(feature = "webhooks"),
        expect(dead_code, reason = "only webhooks are verified")
    )]
    Unverified,
    Misconfigured {
        what: &'static str,
    },
}

impl Kind {
    /// Returns the name of the kind, for metrics.
    #[cfg(feature = "metrics")]
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Unavailable { .. } => "unavailable",
            Self::InDoubt { .. } => "in_doubt",
            Self::Full { .. } => "full",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Unreadable { .. } => "unreadable",
            Self::Closed => "closed",
            Self::Anonymous => "anonymous",
            Self::Unverified => "unverified",
            Self::Misconfigured { .. } => "misconfigured",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { field, problem } => write!(f, "{field} {problem}"),
            Self::Unavailable { reason } => write!(f, "not applied, {reason}"),
            Self::InDoubt { reason } => write!(f, "in doubt, {reason}"),
            Self::Full { what } => write!(f, "not applied, {what}"),
            Self::Conflict => f.write_str("not applied, the id is that of another event"),
            Self::Denied => f.write_str("not applied, permission denied"),
            Self::Unreadable { what } => write!(f, "{what} cannot be read"),
            Self::Closed => f.write_str("not applied, the session is closed"),
            Self::Anonymous => {
                f.write_str("the request has no recipient, the visitor is not logged in")
            }
            Self::Unverified => f.write_str(
                "the webhook lacks a header, has another time or is not signed by this secret",
            ),
            Self::Misconfigured { what } => f.write_str(what),
        }
    }
}
