//! The text of an error reply, for errors and log lines.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

/// Before this text a reply names the unknown command. After it the server repeats the arguments:
/// keys, messages, in the setup of a connection the password.
const ARGUMENTS: &str = ", with args beginning with";
/// Longest text of a reply in an error. The reply of a server in protected mode is a long page.
const MAX_TEXT: usize = 200;

/// Returns the error code and the text of an error reply, such as `ERR DB index is out of range`,
/// without the arguments that it repeats. `None` if the server sent no error reply.
pub(super) fn text(error: &RedisError) -> Option<String> {
    let code = error.code()?;
    let detail = error.detail().unwrap_or_default();
    Some(shorten(&format!("{code} {detail}")))
}

/// Returns the first line of a reply, without the arguments that it repeats.
pub(super) fn shorten(reply: &str) -> String {
    let line = reply.lines().next().unwrap_or_default();
    let line = line.split(ARGUMENTS).next().unwrap_or_default().trim_end();
    match line.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.trim_end_matches('.').to_owned(),
    }
}

/// Returns the error without the arguments of the command, which the reply to an unknown command
/// repeats.
pub(super) fn without_arguments(error: RedisError) -> RedisError {
    let detail = error.detail().unwrap_or_default();
    let Some((text, _)) = detail.split_once(ARGUMENTS) else {
        return error;
    };
    let kind = ErrorKind::Server(ServerErrorKind::ResponseError);
    RedisError::from((kind, "the server replied with an error", text.to_owned()))
}

/// Returns whether the server does not know a command, or not `HELLO`.
pub(super) fn is_unknown_command(error: &RedisError) -> bool {
    // The last one is that of a script.
    const TEXTS: [&str; 3] = [
        "unknown command",
        "unknown subcommand",
        "unknown redis command",
    ];

    let detail = error.detail().unwrap_or_default().to_ascii_lowercase();
    error.kind() == ErrorKind::RESP3NotSupported
        || error.code() == Some("ERR") && TEXTS.iter().any(|text| detail.contains(text))
}
