//! Classification of Redis errors: which error the caller receives, whether the connection is
//! closed, and whether a retry can help.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::Error;
use crate::redis::{Idempotency, server_reply};

/// Error codes of a missing or wrong password, or of a missing ACL permission.
const AUTH_CODES: [&str; 4] = ["NOAUTH", "WRONGPASS", "NOPERM", "DENIED"];

/// Error texts of a script whose user lacks an ACL permission. They carry no code. The first is
/// that of Redis up to 7.0, the second that of later versions.
const SCRIPT_PERMISSION_ERRORS: [&str; 2] = [
    "The user executing the script can't",
    "ACL failure in script",
];
/// Error text of a user who may not run `SELECT`. The client drops its code.
const COMMAND_PERMISSION_ERROR: &str = "no permissions to run the";

/// Error codes of a server that accepts reads and rejects writes. `READONLY` comes from a replica:
/// a new connection may reach the primary.
const READ_ONLY_CODES: [&str; 3] = ["READONLY", "MISCONF", "NOREPLICAS"];

/// Error codes of a server that another server may have replaced.
const FAILOVER_CODES: [&str; 4] = ["READONLY", "LOADING", "MASTERDOWN", "UNBLOCKED"];

/// Error codes of a Cluster node that does not hold all of the keys. The Cluster client follows
/// them, and stops after a few attempts while a hash slot is migrating.
const REDIRECT_CODES: [&str; 3] = ["MOVED", "ASK", "TRYAGAIN"];

/// Texts of a server that does not have the database of the URL. A Cluster has only number 0.
const DATABASE_ERRORS: [&str; 3] = [
    "DB index is out of range",
    "invalid DB index",
    "SELECT is not allowed in cluster mode",
];

/// What to do about a command that the server does not know.
const UNKNOWN_COMMAND: &str = "the server does not know a command that Salver needs: use Redis 6.2 or newer without renamed \
     commands, and no proxy such as twemproxy";
const UNKNOWN_DATABASE: &str =
    "the server does not have this database: correct the number at the end of the URL";

/// How to handle a request that failed.
pub(crate) struct Failure {
    /// The error returned to the caller.
    pub(crate) error: Error,
    /// Whether the connection must be closed.
    pub(crate) close_connection: bool,
    /// Whether a retry can help and does no harm.
    pub(crate) retry: Retry,
}

/// How a failed request may be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    /// Over a new connection.
    Reconnect,
    /// After a delay. Nothing was applied, because the keys are migrating to another server.
    AfterDelay,
}

/// Classifies the error of a connection attempt.
pub(crate) fn classify_connect(error: RedisError) -> Error {
    let error = server_reply::without_arguments(error);
    // The Cluster client reports the error codes of its nodes only in the text.
    let detail = error.detail().unwrap_or_default();
    let mapped = if is_denied(&error) || AUTH_CODES.iter().any(|code| contains_code(detail, code)) {
        Error::denied()
    } else if server_reply::is_unknown_command(&error) {
        Error::misconfigured(UNKNOWN_COMMAND)
    } else if DATABASE_ERRORS.iter().any(|text| detail.contains(text)) {
        Error::misconfigured(UNKNOWN_DATABASE)
    } else {
        Error::unavailable(connect_failure_reason(&error))
    };
    mapped
        .with_server_reply(server_reply::text(&error))
        .with_source(error)
}

/// Classifies the error of a connection that the server closed with this reason.
pub(crate) fn classify_greeting(error: RedisError, reason: &str) -> Error {
    let is_denied = AUTH_CODES.iter().any(|code| reason.starts_with(code));
    let mapped = match is_denied {
        true => Error::denied(),
        false => Error::unavailable("the server rejects the connection"),
    };
    mapped
        .with_server_reply(Some(reason.to_owned()))
        .with_source(error)
}

/// Texts of the client's TLS and connect errors, each with the reason that Salver reports. Some of
/// these errors can be recognised by their text alone.
const TLS_FAILURES: [(&str, &str); 6] = [
    (
        "invalid peer certificate",
        "the server's certificate is not trusted",
    ),
    (
        "CertificateRequired",
        "the server requires a client certificate",
    ),
    (
        "fatal alert",
        "the server rejected the client certificate or the TLS version",
    ),
    (
        "corrupt message",
        "server does not support TLS on this port",
    ),
    (
        "reset by peer",
        "connection reset during connect; the server may require TLS",
    ),
    (
        "broken pipe",
        "connection closed during connect; a proxy such as twemproxy, which supports neither `HELLO` nor scripts, or a \
         port that requires TLS does this",
    ),
];

fn connect_failure_reason(error: &RedisError) -> &'static str {
    let text = error.to_string();
    let known = TLS_FAILURES
        .iter()
        .find(|(pattern, _)| text.contains(pattern));
    known.map_or("Redis cannot be reached", |(_, reason)| *reason)
}

/// Returns the failure for a reply that belongs to another request. The outcome of the request is
/// unknown, and so is the request that each later reply belongs to. Never retried, so that the
/// caller that counts mismatches receives the error.
pub(crate) fn mismatched_reply(idempotency: Idempotency) -> Failure {
    Failure {
        error: Error::mismatched_reply(idempotency != Idempotency::ReadOnly),
        close_connection: true,
        retry: Retry::Never,
    }
}

/// Returns the failure for a request that was sent and received no reply in time.
pub(crate) fn timeout(idempotency: Idempotency) -> Failure {
    Failure {
        error: outcome_unknown("Redis did not reply in time", idempotency),
        close_connection: true,
        retry: Retry::Never,
    }
}

fn outcome_unknown(reason: &'static str, idempotency: Idempotency) -> Error {
    match idempotency {
        Idempotency::ReadOnly => Error::unavailable(reason),
        _ => Error::in_doubt(reason),
    }
}

/// Classifies the error of a request that was sent.
pub(crate) fn classify_reply(error: RedisError, idempotency: Idempotency) -> Failure {
    let error = server_reply::without_arguments(error);
    let retry = match idempotency {
        Idempotency::NonIdempotent => Retry::Never,
        _ => Retry::Reconnect,
    };
    let (mapped, close_connection, retry) = if is_denied(&error) {
        // After `NOAUTH` the server needs the password again, which a new connection sends.
        (Error::denied(), has_code(&error, "NOAUTH"), Retry::Never)
    } else {
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => {
                let failure = timeout(idempotency);
                (failure.error, failure.close_connection, failure.retry)
            }
            ErrorKind::Io | ErrorKind::Parse => (
                outcome_unknown("the connection to Redis was lost", idempotency),
                true,
                retry,
            ),
            // The Cluster client found no node to send the request to.
            ErrorKind::ClusterConnectionNotFound => {
                let mapped = Error::unavailable("Redis cannot be reached");
                (mapped, true, Retry::Reconnect)
            }
            ErrorKind::UnexpectedReturnType => {
                (Error::unreadable("a Redis reply"), false, Retry::Never)
            }
            _ => classify_server_error(&error),
        }
    };
    let mapped = match mapped.is_full() {
        // The code says it all, and the text goes to the callers of the JSON API.
        true => mapped,
        false => mapped.with_server_reply(server_reply::text(&error)),
    };
    Failure {
        error: mapped.with_source(error),
        close_connection,
        retry,
    }
}

/// Adjusts a failure for the internal retries of the Cluster client. The client returns only its
/// last error, and an earlier attempt may have been applied. A write is therefore in doubt.
pub(crate) fn after_cluster_retries(failure: Failure, idempotency: Idempotency) -> Failure {
    if idempotency == Idempotency::ReadOnly
        || !failure.error.is_unavailable()
        || failure.error.is_read_only()
    {
        return failure;
    }
    let error =
        Error::in_doubt("the Cluster did not report the outcome").with_source(failure.error);
    Failure { error, ..failure }
}

/// Classifies an error reply of the server: nothing was applied.
fn classify_server_error(error: &RedisError) -> (Error, bool, Retry) {
    let is_one_of = |codes: &[&str]| codes.iter().any(|code| has_code(error, code));
    let mapped = if has_code(error, "OOM") {
        Error::full("Redis is out of memory")
    } else if has_code(error, "WRONGTYPE") {
        Error::unreadable("a key of another type")
    } else if is_one_of(&READ_ONLY_CODES) {
        Error::read_only("Redis does not accept writes")
    } else if is_redirect(error) {
        Error::unavailable(
            "the keys are on another server: is `RedisStoreBuilder::cluster` missing?",
        )
    } else if server_reply::is_unknown_command(error) {
        Error::misconfigured(UNKNOWN_COMMAND)
    } else if error.code() != Some("ERR") {
        Error::unavailable("Redis refused the request")
    } else {
        Error::unreadable("a Redis error reply")
    };
    let retry = if has_code(error, "READONLY") {
        Retry::Reconnect
    } else if is_redirect(error) {
        Retry::AfterDelay
    } else {
        Retry::Never
    };
    (mapped, is_one_of(&FAILOVER_CODES), retry)
}

/// Returns whether the hash slot of the keys is migrating between two Cluster nodes. The error of a
/// script whose next key has moved away has no code of its own, so its text is checked.
fn is_redirect(error: &RedisError) -> bool {
    REDIRECT_CODES.iter().any(|code| error.code() == Some(code))
        || error
            .detail()
            .is_some_and(|text| text.contains("non local key"))
}

/// Returns whether an error has this code. Before Redis 7, an error inside a script has the code
/// `ERR`, and its text contains the original code.
fn has_code(error: &RedisError, code: &str) -> bool {
    let in_text = || error.detail().is_some_and(|text| contains_code(text, code));
    error.code() == Some(code) || error.code() == Some("ERR") && in_text()
}

fn contains_code(text: &str, code: &str) -> bool {
    text.split([' ', '-', ':', '"']).any(|word| word == code)
}

fn is_denied(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm)
    ) || AUTH_CODES.iter().any(|code| has_code(error, code))
        || error.detail().is_some_and(|text| {
            let mut patterns = SCRIPT_PERMISSION_ERRORS.iter();
            patterns.any(|pattern| text.contains(pattern))
                || text.contains(COMMAND_PERMISSION_ERROR)
        })
}
