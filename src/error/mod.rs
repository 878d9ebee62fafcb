//! The error type of the crate: opaque, with predicates that callers can query.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::kind::Kind;

mod kind;

/// Suggested wait before a retry: calls succeed again within a second after a failure of the store
/// ends.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Source = Arc<dyn StdError + Send + Sync + 'static>;

/// The error of every fallible operation of the crate.
///
/// The type is opaque, so that new causes do not break callers. Its predicates show how to react:
///
/// | predicate | cause | applied? | action |
/// |---|---|---|---|
/// | [`is_invalid`](Self::is_invalid) | bad input; [`field`](Self::field) names it | no | correct the input |
/// | [`is_unavailable`](Self::is_unavailable) | the store is unreachable or rejects the call for now, or a limit of this process is reached | no | retry after [`retry_after`](Self::retry_after) |
/// | [`is_in_doubt`](Self::is_in_doubt) | a write without a usable reply | unknown | retry, where the method is safe to repeat |
/// | [`is_full`](Self::is_full) | a limit is reached | no | wait until messages are read, or raise the limit |
/// | [`is_conflict`](Self::is_conflict) | an event of the same id with other content is known | no | use another id |
/// | [`is_denied`](Self::is_denied) | credentials or permissions | no | correct the user of the store |
/// | [`is_unreadable`](Self::is_unreadable) | stored or returned data of an unknown form | unknown | inspect the data |
/// | [`is_session_closed`](Self::is_session_closed) | the session ended | no | drop the message |
/// | [`is_anonymous`](Self::is_anonymous) | the request belongs to no person | no | ask the visitor to log in |
/// | [`is_unverified`](Self::is_unverified) | a webhook is not signed by the secret, or too old | no | refuse it |
/// | [`is_misconfigured`](Self::is_misconfigured) | the application or the server is set up wrongly | no | change the code or the setting that the text names |
///
/// The text names the operation and the field or limit, and quotes the error reply of the server. It
/// never contains the content of a message, a session id or a token. [`source`](StdError::source) returns the underlying error, if there is
/// one.
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
    server_reply: Option<Arc<str>>,
}

/// Finer distinctions, for use inside the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    ReadOnly,
    MismatchedReply,
    ReplicaQueueFull,
    /// The store replies, but later than a page waits.
    #[cfg_attr(
        not(feature = "web"),
        expect(dead_code, reason = "only pages wait so short")
    )]
    SlowStore,
    /// Concerns replicas only: the store itself works.
    InsufficientReplicas,
}

impl Error {
    fn new(kind: Kind) -> Self {
        Self(Box::new(Repr {
            kind,
            operation: None,
            source: None,
            detail: None,
            server_reply: None,
        }))
    }

    fn with_detail(mut self, detail: Detail) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// Creates an error for rejected input: `field` names the input, `problem` the violated rule or
    /// limit.
    ///
    /// This and the other constructors are for authors of stores. Never put the rejected value into
    /// `problem`.
    #[must_use]
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::new(Kind::Invalid {
            field,
            problem: problem.into(),
        })
    }

    /// Creates an error for a store that cannot be reached, when nothing was applied.
    #[must_use]
    pub fn unavailable(reason: &'static str) -> Self {
        Self::new(Kind::Unavailable { reason })
    }

    /// Creates an error for a store that currently rejects writes but can be read, when nothing was
    /// applied.
    ///
    /// [`is_unavailable`](Self::is_unavailable) is true. Unlike other unavailability it does not
    /// open the circuit breaker, so that pages continue to read from the store.
    #[must_use]
    pub fn read_only(reason: &'static str) -> Self {
        Self::unavailable(reason).with_detail(Detail::ReadOnly)
    }

    /// Creates an error for a reply that belongs to another request. Never use the content of such
    /// a reply.
    ///
    /// `is_write`: whether the request was a write. Then [`is_in_doubt`](Self::is_in_doubt) is true,
    /// else [`is_unavailable`](Self::is_unavailable).
    #[must_use]
    pub fn mismatched_reply(is_write: bool) -> Self {
        let reason = "the reply belonged to another request";
        let error = if is_write {
            Self::in_doubt(reason)
        } else {
            Self::unavailable(reason)
        };
        error.with_detail(Detail::MismatchedReply)
    }

    /// Creates an error for a write that was applied, but that too few replicas acknowledged in
    /// time.
    ///
    /// [`is_in_doubt`](Self::is_in_doubt) is true: the write is lost if the primary fails now.
    #[must_use]
    pub fn insufficient_replicas() -> Self {
        Self::in_doubt("too few replicas acknowledged the write")
            .with_detail(Detail::InsufficientReplicas)
    }

    /// Creates an error for a write that was not sent, because too many writes wait for replicas.
    ///
    /// [`is_unavailable`](Self::is_unavailable) is true.
    #[must_use]
    pub fn replica_queue_full() -> Self {
        Self::unavailable("too many writes are waiting for replicas")
            .with_detail(Detail::ReplicaQueueFull)
    }

    /// Creates an error for a page that did not wait for the reply of a slow store.
    #[cfg(feature = "web")]
    pub(crate) fn slow_store() -> Self {
        Self::unavailable("the store replies later than `page_timeout`")
            .with_detail(Detail::SlowStore)
    }

    /// Creates an error for a write that was sent and not acknowledged: it may have been applied.
    #[must_use]
    pub fn in_doubt(reason: &'static str) -> Self {
        Self::new(Kind::InDoubt { reason })
    }

    /// Creates an error for a limit that is reached; `what` describes it.
    #[must_use]
    pub fn full(what: &'static str) -> Self {
        Self::new(Kind::Full { what })
    }

    /// Creates an error for an event of whose id another one is known.
    #[cfg(feature = "events")]
    pub(crate) fn conflict() -> Self {
        Self::new(Kind::Conflict)
    }

    /// Creates an error for a user or a command that the store rejects.
    #[must_use]
    pub fn denied() -> Self {
        Self::new(Kind::Denied)
    }

    /// Creates an error for stored or returned data that this version cannot read; `what` describes
    /// it.
    #[must_use]
    pub fn unreadable(what: &'static str) -> Self {
        Self::new(Kind::Unreadable { what })
    }

    /// Creates an error for a session that was closed by a logout.
    #[must_use]
    pub fn session_closed() -> Self {
        Self::new(Kind::Closed)
    }

    /// Creates an error for a request without a recipient.
    #[cfg(all(feature = "inbox", feature = "web"))]
    pub(crate) fn anonymous() -> Self {
        Self::new(Kind::Anonymous)
    }

    /// Creates an error for a webhook that may be forged.
    #[cfg(feature = "webhooks")]
    pub(crate) fn unverified() -> Self {
        Self::new(Kind::Unverified)
    }

    /// Creates an error for an application that is set up wrongly; `what` describes the necessary
    /// change.
    #[must_use]
    pub fn misconfigured(what: &'static str) -> Self {
        Self::new(Kind::Misconfigured { what })
    }

    /// Sets the underlying error, which [`source`](StdError::source) returns.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Sets the error reply of the server, which the text then contains. It must not repeat the
    /// arguments of the command.
    #[cfg(feature = "redis")]
    pub(crate) fn with_server_reply(mut self, reply: Option<String>) -> Self {
        self.0.server_reply = reply.map(Into::into);
        self
    }

    /// Returns the error reply of the server, if there is one.
    #[cfg(feature = "redis")]
    pub(crate) fn server_reply(&self) -> Option<&str> {
        self.0.server_reply.as_deref()
    }

    /// Sets the operation, such as `add`, with which the text begins. An operation that is already
    /// set stays.
    #[must_use]
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Returns whether input was rejected: an empty text, a view with a line break, a `javascript:`
    /// link.
    ///
    /// [`field`](Self::field) names the input. Nothing was sent to the store.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, Kind::Invalid { .. })
    }

    /// Returns whether the store is unreachable, or rejects calls because of its own state.
    ///
    /// Nothing was applied. Retry after [`retry_after`](Self::retry_after).
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.0.kind, Kind::Unavailable { .. })
    }

    /// Returns whether the write may have been applied: no usable reply came in time, or too few
    /// replicas acknowledged it.
    ///
    /// It was applied completely or not at all, except a migration in a Cluster, which can be
    /// partial until it is repeated. Adding the same [`Message`](crate::Message) again is safe.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self.0.kind, Kind::InDoubt { .. })
    }

    /// Returns whether a limit is reached: the messages of a context, if it is set to
    /// [`WhenFull::Reject`](crate::store::WhenFull::Reject); the contexts of a session; the memory
    /// of the store.
    ///
    /// Nothing was applied.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.0.kind, Kind::Full { .. })
    }

    /// Returns whether an event of the same id and source, with other content, is known.
    ///
    /// Nothing was applied. The publisher has used an id twice.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.0.kind, Kind::Conflict)
    }

    /// Returns whether the store rejected the user: a wrong password, a missing permission.
    ///
    /// Nothing was applied. An operator has to correct the user or its permissions.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.0.kind, Kind::Denied)
    }

    /// Returns whether stored or returned data cannot be read: a key of another type, a store that
    /// panics.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.0.kind, Kind::Unreadable { .. })
    }

    /// Returns whether the session was closed by a logout: no page will show the message.
    ///
    /// Nothing was applied. Drop the message.
    #[must_use]
    pub fn is_session_closed(&self) -> bool {
        matches!(self.0.kind, Kind::Closed)
    }

    /// Returns whether the request belongs to no person whom the site knows: the visitor is not logged
    /// in.
    ///
    /// As a response it has status 401.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        matches!(self.0.kind, Kind::Anonymous)
    }

    /// Returns whether a webhook was not sent by a program that knows the secret, or more than five minutes ago.
    ///
    /// As a response it has status 401. Only the feature `webhooks` has a function that fails so.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        matches!(self.0.kind, Kind::Unverified)
    }

    /// Returns whether the application or the server is set up wrongly: a missing middleware, a store
    /// that does not implement the operation, a database that does not exist, a command that the
    /// server does not know. The text describes the necessary change.
    #[must_use]
    pub fn is_misconfigured(&self) -> bool {
        matches!(self.0.kind, Kind::Misconfigured { .. })
    }

    /// Returns the name of the kind, for metrics.
    #[cfg(feature = "metrics")]
    pub(crate) fn kind_name(&self) -> &'static str {
        self.0.kind.name()
    }

    /// Returns whether the store rejects writes and can be read.
    pub(crate) fn is_read_only(&self) -> bool {
        self.0.detail == Some(Detail::ReadOnly)
    }

    /// Returns whether the error is no evidence about the state of the store: all connections wait
    /// for replicas, so that it was not called, or its reply comes later than a page waits.
    pub(crate) fn is_inconclusive(&self) -> bool {
        matches!(
            self.0.detail,
            Some(Detail::ReplicaQueueFull | Detail::SlowStore)
        )
    }

    /// Returns whether further calls are likely to fail too: the store is unreachable, did not
    /// reply, or rejects all calls because of its state. A store that can be read is still
    /// called.
    pub(crate) fn trips_breaker(&self) -> bool {
        (self.is_unavailable() || self.is_in_doubt())
            && !matches!(
                self.0.detail,
                Some(Detail::ReadOnly | Detail::InsufficientReplicas | Detail::ReplicaQueueFull)
            )
    }

    /// Returns whether the reply belonged to another request.
    #[cfg(feature = "metrics")]
    pub(crate) fn is_mismatched_reply(&self) -> bool {
        self.0.detail == Some(Detail::MismatchedReply)
    }

    /// Returns the name of the rejected field, such as `text`, if [`is_invalid`](Self::is_invalid).
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self.0.kind {
            Kind::Invalid { field, .. } => Some(field),
            _ => None,
        }
    }

    /// Logs the error, for a call whose failure must not fail the work around it:
    /// `salver.notify(…).await.unwrap_or_else(Error::log)`.
    pub fn log(self) {
        tracing::error!(error = %self, "a call to Salver failed; the work around it continues");
    }

    /// Returns how long to wait before a retry: 1 second if
    /// [`is_unavailable`](Self::is_unavailable) or [`is_in_doubt`](Self::is_in_doubt), else `None`,
    /// since a retry does not help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.is_unavailable() || self.is_in_doubt()).then_some(RETRY_AFTER)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.0.operation {
            write!(f, "{operation}: ")?;
        }
        write!(f, "{}", self.0.kind)?;
        match &self.0.server_reply {
            Some(reply) => write!(f, "; the server replied \"{reply}\""),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("server_reply", &self.0.server_reply)
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
