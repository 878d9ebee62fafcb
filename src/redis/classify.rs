//! What an error of Redis means: for the caller, for the connection, for another try.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::Error;
use crate::redis::Idempotency;

/// Codes of a user that lacks a password or a right.
const AUTH_CODES: [&str; 4] = ["NOAUTH", "WRONGPASS", "NOPERM", "DENIED"];

/// What a server says, without a code, of a script whose user lacks a right: up to Redis 7.0, and since.
const SCRIPT_PERMISSION_ERRORS: [&str; 2] = [
    "The user executing the script can't",
    "ACL failure in script",
];

/// Codes of a server that can be read and not written to. The first is that of a replica: somewhere there is
/// a primary, which a new connection may find.
const READ_ONLY_CODES: [&str; 3] = ["READONLY", "MISCONF", "NOREPLICAS"];

/// Codes of a server in a state for which another one may have taken over.
const FAILOVER_CODES: [&str; 4] = ["READONLY", "LOADING", "MASTERDOWN", "UNBLOCKED"];

/// Codes of a server of a Cluster that has not all of the keys: its client follows them, and gives up early
/// where they are on their way.
const REDIRECT_CODES: [&str; 3] = ["MOVED", "ASK", "TRYAGAIN"];

/// What to do about a request that failed.
pub(crate) struct Failure {
    /// What the caller is told.
    pub(crate) error: Error,
    /// Whether the connection is of no more use.
    pub(crate) close_connection: bool,
    /// Whether asking once more may help and can do no harm.
    pub(crate) retry: Retry,
}

/// How asking once more may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    /// Over another connection.
    Reconnect,
    /// In a moment: nothing was applied, since the keys are on their way to another server.
    AfterDelay,
}

/// Sorts an error of a connection attempt.
pub(crate) fn classify_connect(error: RedisError) -> Error {
    // What a Cluster's servers answered is in the words alone.
    let detail = error.detail().unwrap_or_default();
    if is_denied(&error) || AUTH_CODES.iter().any(|code| contains_code(detail, code)) {
        return Error::denied().with_source(error);
    }
    Error::unavailable(connect_failure_reason(&error)).with_source(error)
}

/// What the client says where a door stays closed, and what that means. It says some of it in words alone.
const TLS_FAILURES: [(&str, &str); 5] = [
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
];

fn connect_failure_reason(error: &RedisError) -> &'static str {
    let text = error.to_string();
    let known = TLS_FAILURES.iter().find(|(words, _)| text.contains(words));
    known.map_or("Redis cannot be reached", |(_, meaning)| *meaning)
}

/// A reply that is not to what was asked: what it answers is unknown, and so is every reply after it. Not asked
/// again here: whoever counts has to see it.
pub(crate) fn mismatched_reply(idempotency: Idempotency) -> Failure {
    Failure {
        error: Error::mismatched_reply(idempotency != Idempotency::ReadOnly),
        close_connection: true,
        retry: Retry::Never,
    }
}

/// A request that was sent and not answered.
pub(crate) fn timeout(idempotency: Idempotency) -> Failure {
    Failure {
        error: outcome_unknown("Redis did not reply in time", idempotency),
        close_connection: true,
        retry: Retry::Never,
    }
}

fn outcome_unknown(why: &'static str, idempotency: Idempotency) -> Error {
    match idempotency {
        Idempotency::ReadOnly => Error::unavailable(why),
        _ => Error::in_doubt(why),
    }
}

/// Sorts an error of a request that was sent.
pub(crate) fn classify_reply(error: RedisError, idempotency: Idempotency) -> Failure {
    let retry = match idempotency {
        Idempotency::NonIdempotent => Retry::Never,
        _ => Retry::Reconnect,
    };
    let (mapped, close_connection, retry) = if is_denied(&error) {
        // With NOAUTH the password is due again: a new connection says it.
        (Error::denied(), has_code(&error, "NOAUTH"), Retry::Never)
    } else {
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => {
                let silent = timeout(idempotency);
                (silent.error, silent.close_connection, silent.retry)
            }
            ErrorKind::Io | ErrorKind::Parse => (
                outcome_unknown("the connection to Redis was lost", idempotency),
                true,
                retry,
            ),
            // Of a Cluster no server was found to send it to.
            ErrorKind::ClusterConnectionNotFound => {
                let mapped = Error::unavailable("Redis cannot be reached");
                (mapped, true, Retry::Reconnect)
            }
            ErrorKind::UnexpectedReturnType => {
                (Error::unreadable("a reply of Redis"), false, Retry::Never)
            }
            _ => classify_server_error(&error),
        }
    };
    Failure {
        error: mapped.with_source(error),
        close_connection,
        retry,
    }
}

/// What an error means that a Cluster's client hands out after it has asked again by itself: only the last of
/// several, of which an earlier one may have been that of a request that was carried out.
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

/// What a server says of itself: nothing was applied.
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
    } else if error.code() != Some("ERR") {
        Error::unavailable("Redis refused the request")
    } else {
        Error::unreadable("an error of Redis")
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

/// Tells whether the slot of the keys is on its way between two servers of a Cluster. A script that finds its
/// next key gone has no code of its own for that.
fn is_redirect(error: &RedisError) -> bool {
    REDIRECT_CODES.iter().any(|code| error.code() == Some(code))
        || error
            .detail()
            .is_some_and(|error| error.contains("non local key"))
}

/// Tells whether an error has this code. Before Redis 7 an error inside a script has the code `ERR` and says
/// its own in its text.
fn has_code(error: &RedisError, code: &str) -> bool {
    let in_words = || error.detail().is_some_and(|text| contains_code(text, code));
    error.code() == Some(code) || error.code() == Some("ERR") && in_words()
}

fn contains_code(text: &str, code: &str) -> bool {
    text.split([' ', '-', ':', '"']).any(|word| word == code)
}

fn is_denied(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm)
    ) || AUTH_CODES.iter().any(|code| has_code(error, code))
        || error.detail().is_some_and(|error| {
            SCRIPT_PERMISSION_ERRORS
                .iter()
                .any(|words| error.contains(words))
        })
}
