//! The one error of the crate: opaque outside, answers questions.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a caller should wait before asking a store again that could not be reached.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Source = Arc<dyn StdError + Send + Sync + 'static>;

/// What went wrong, as answers to "what can I do about it?".
///
/// One type for the whole crate, with no variants to match, so that reasons can be added without
/// breaking anybody. Ask it instead: [`is_invalid`](Self::is_invalid),
/// [`is_unavailable`](Self::is_unavailable), [`is_in_doubt`](Self::is_in_doubt),
/// [`is_full`](Self::is_full), [`is_denied`](Self::is_denied),
/// [`is_unreadable`](Self::is_unreadable), [`is_closed`](Self::is_closed).
///
/// It says what Salver was doing and which field or limit was in the way. It never holds the
/// content of a message, a session id or a token; the cause is in [`source`](StdError::source).
///
/// ```
/// use salver::View;
///
/// let error = View::new("").unwrap_err();
/// assert!(error.is_invalid());
/// assert_eq!(error.to_string(), "view is empty");
/// ```
#[derive(Clone)]
pub struct Error(Box<Repr>);

#[derive(Clone)]
struct Repr {
    kind: Kind,
    operation: Option<&'static str>,
    source: Option<Source>,
    detail: Option<Detail>,
}

/// What Salver itself wants to know of an error, beside what callers may do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    ReadOnly,
    MismatchedReply,
    ReplicaQueueFull,
    /// Something about replicas: the store itself is well.
    InsufficientReplicas,
}

#[derive(Clone, Debug)]
enum Kind {
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
    Denied,
    Unreadable {
        what: &'static str,
    },
    Closed,
    Misconfigured {
        what: &'static str,
    },
}

impl Error {
    fn new(kind: Kind) -> Self {
        Self(Box::new(Repr {
            kind,
            operation: None,
            source: None,
            detail: None,
        }))
    }

    fn with_detail(mut self, mark: Detail) -> Self {
        self.0.detail = Some(mark);
        self
    }

    /// Input that a constructor refuses: `field` names it, `problem` says which rule or limit.
    ///
    /// For store authors, as are the other constructors: never put the refused value in `problem`.
    #[must_use]
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::new(Kind::Invalid {
            field,
            problem: problem.into(),
        })
    }

    /// The store could not be reached, and nothing was applied.
    #[must_use]
    pub fn unavailable(reason: &'static str) -> Self {
        Self::new(Kind::Unavailable { reason })
    }

    /// The store can be read and takes no writes for now; nothing was applied. Unlike other trouble this keeps
    /// pages from nothing but the claim: they show what they can read.
    #[must_use]
    pub fn read_only(reason: &'static str) -> Self {
        Self::unavailable(reason).with_detail(Detail::ReadOnly)
    }

    /// The store answered something else than it was asked. What it answers is not used; with `wrote` the
    /// write may have happened.
    #[must_use]
    pub fn mismatched_reply(wrote: bool) -> Self {
        let reason = "the reply belonged to another request";
        let error = if wrote {
            Self::in_doubt(reason)
        } else {
            Self::unavailable(reason)
        };
        error.with_detail(Detail::MismatchedReply)
    }

    /// The store has taken a write, and fewer replicas than asked for had it in time.
    #[must_use]
    pub fn insufficient_replicas() -> Self {
        Self::in_doubt("too few replicas acknowledged the write")
            .with_detail(Detail::InsufficientReplicas)
    }

    /// So many writes wait for replicas that another one was not begun.
    #[must_use]
    pub fn replica_queue_full() -> Self {
        Self::unavailable("too many writes are waiting for replicas")
            .with_detail(Detail::ReplicaQueueFull)
    }

    /// The store was asked to write and has not answered: the write may have happened.
    #[must_use]
    pub fn in_doubt(reason: &'static str) -> Self {
        Self::new(Kind::InDoubt { reason })
    }

    /// A cap is reached; `what` names it.
    #[must_use]
    pub fn full(what: &'static str) -> Self {
        Self::new(Kind::Full { what })
    }

    /// The store refuses this user or this command.
    #[must_use]
    pub fn denied() -> Self {
        Self::new(Kind::Denied)
    }

    /// The store answered something that this version cannot read.
    #[must_use]
    pub fn unreadable(what: &'static str) -> Self {
        Self::new(Kind::Unreadable { what })
    }

    /// The session was closed by a logout.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(Kind::Closed)
    }

    /// The application lacks a line; `what` says which one to add.
    #[must_use]
    pub fn misconfigured(what: &'static str) -> Self {
        Self::new(Kind::Misconfigured { what })
    }

    /// Keeps the cause, for logs.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Names the operation, the first word of what is displayed. The innermost name stays.
    #[must_use]
    pub fn with_operation(mut self, doing: &'static str) -> Self {
        self.0.operation.get_or_insert(doing);
        self
    }

    /// Tells whether input was refused: an empty text, a view with a line break, a `javascript:` link.
    /// Nothing was sent to the store.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, Kind::Invalid { .. })
    }

    /// Tells whether the store could not be reached. Nothing was applied; try again after
    /// [`retry_after`](Self::retry_after).
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.0.kind, Kind::Unavailable { .. })
    }

    /// Tells whether the write may have been applied: no answer came in time. Adding the same
    /// [`Message`](crate::Message) again is safe.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self.0.kind, Kind::InDoubt { .. })
    }

    /// Tells whether a cap was reached: messages of a context
    /// ([`Full::Reject`](crate::store::Full)), contexts of a session, memory of the store.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.0.kind, Kind::Full { .. })
    }

    /// Tells whether the store refused the user: wrong password, missing right. An operator is needed.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.0.kind, Kind::Denied)
    }

    /// Tells whether the store holds or answered something that cannot be read: a key of another type.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.0.kind, Kind::Unreadable { .. })
    }

    /// Tells whether the session was closed by a logout: nobody is there to read the message.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.0.kind, Kind::Closed)
    }

    /// Tells whether the application is put together wrongly; the text says which line to add.
    #[must_use]
    pub fn is_misconfigured(&self) -> bool {
        matches!(self.0.kind, Kind::Misconfigured { .. })
    }

    /// Gives the name of what went wrong, for metrics.
    #[cfg(feature = "metrics")]
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.0.kind {
            Kind::Invalid { .. } => "invalid",
            Kind::Unavailable { .. } => "unavailable",
            Kind::InDoubt { .. } => "in_doubt",
            Kind::Full { .. } => "full",
            Kind::Denied => "denied",
            Kind::Unreadable { .. } => "unreadable",
            Kind::Closed => "closed",
            Kind::Misconfigured { .. } => "setup",
        }
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.0.detail == Some(Detail::ReadOnly)
    }

    /// Tells whether the store was not even asked, for want of a connection.
    pub(crate) fn is_replica_queue_full(&self) -> bool {
        self.0.detail == Some(Detail::ReplicaQueueFull)
    }

    /// Tells whether asking the store is of no use for a moment: it could not be reached, did not answer, or is
    /// in a state in which it answers nobody. One that can be read is asked on.
    pub(crate) fn trips_breaker(&self) -> bool {
        (self.is_unavailable() || self.is_in_doubt())
            && !matches!(
                self.0.detail,
                Some(Detail::ReadOnly | Detail::InsufficientReplicas | Detail::ReplicaQueueFull)
            )
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn is_mismatched_reply(&self) -> bool {
        self.0.detail == Some(Detail::MismatchedReply)
    }

    /// Gives the name of the refused field when [`is_invalid`](Self::is_invalid), such as `text`.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self.0.kind {
            Kind::Invalid { field, .. } => Some(field),
            _ => None,
        }
    }

    /// Gives how long to wait before asking again, when asking again may help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.is_unavailable() || self.is_in_doubt()).then_some(RETRY_AFTER)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(doing) = self.0.operation {
            write!(f, "{doing}: ")?;
        }
        match &self.0.kind {
            Kind::Invalid { field, problem } => write!(f, "{field} {problem}"),
            Kind::Unavailable { reason } => write!(f, "not applied, {reason}"),
            Kind::InDoubt { reason } => write!(f, "in doubt, {reason}"),
            Kind::Full { what } => write!(f, "not applied, {what}"),
            Kind::Denied => f.write_str("not applied, permission denied"),
            Kind::Unreadable { what } => write!(f, "{what} cannot be read"),
            Kind::Closed => f.write_str("not applied, the session is closed"),
            Kind::Misconfigured { what } => f.write_str(what),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("doing", &self.0.operation)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
