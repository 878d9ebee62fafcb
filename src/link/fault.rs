//! What an error of Redis means for the caller.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::Effect;
use crate::Error;

/// Codes of a user that lacks a password or a right.
const DENIED: [&str; 4] = ["NOAUTH", "WRONGPASS", "NOPERM", "DENIED"];

/// Codes of a server that cannot write for now.
const BUSY: [&str; 4] = ["READONLY", "MISCONF", "NOREPLICAS", "MASTERDOWN"];

/// Sorts an error of a connection attempt.
pub(super) fn of_dial(error: RedisError) -> Error {
    if is_denied(&error) {
        return Error::denied().because(error);
    }
    Error::unavailable("Redis cannot be reached").because(error)
}

/// Sorts an error of a request that was sent.
pub(super) fn of_reply(error: RedisError, effect: Effect) -> Error {
    if is_denied(&error) {
        return Error::denied().because(error);
    }
    let sorted = match error.kind() {
        ErrorKind::Io => match effect {
            Effect::Reads => Error::unavailable("the connection to Redis broke"),
            _ => Error::in_doubt("the connection to Redis broke"),
        },
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Error::unreadable("a reply of Redis"),
        _ => of_server(&error),
    };
    sorted.because(error)
}

fn of_server(error: &RedisError) -> Error {
    if says(error, "OOM") {
        Error::full("Redis is out of memory")
    } else if says(error, "WRONGTYPE") {
        Error::unreadable("a key of another type")
    } else if BUSY.iter().any(|code| says(error, code)) || error.code() != Some("ERR") {
        Error::unavailable("Redis refuses for now")
    } else {
        Error::unreadable("an error of Redis")
    }
}

/// Tells whether an error has this code. Before Redis 7 an error inside a script has the code `ERR` and says
/// its own in its text.
fn says(error: &RedisError, code: &str) -> bool {
    let words = |text: &str| text.split([' ', '-', ':']).any(|word| word == code);
    error.code() == Some(code) || error.code() == Some("ERR") && error.detail().is_some_and(words)
}

fn is_denied(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm)
    ) || DENIED.iter().any(|code| says(error, code))
}

/// Tells whether the connection is of no more use.
pub(super) fn breaks_line(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.is_connection_dropped()
}
