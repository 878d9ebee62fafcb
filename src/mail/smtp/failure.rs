//! Why a mail was not sent, by the step at which the server refused it.

use std::error::Error as _;
use std::fmt;

use lettre::transport::smtp::Error;

/// The status of a mailbox that does not exist, by RFC 3463.
const UNKNOWN_MAILBOX: &str = "5.1.1";

/// A step of the conversation with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The connection, the greeting and TLS.
    Connect,
    Auth,
    /// The sender.
    Mail,
    /// The recipient.
    Rcpt,
    /// The content.
    Data,
}

/// Why a mail was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No mail can be sent at present.
    Unavailable(String),
    /// The mail may be accepted later.
    Temporary(String),
    /// The mail will never be accepted.
    Rejected {
        reason: String,
        /// Whether the mailbox of the recipient does not exist.
        is_unknown_mailbox: bool,
    },
}

impl Failure {
    pub(super) fn new(step: Step, error: &Error) -> Self {
        // The first line of the reply. It may begin with an enhanced status code.
        let reply = error.source().map(ToString::to_string);
        let reason = match error.status() {
            Some(code) => format!(
                "SMTP {step}: {code} {}",
                reply.as_deref().unwrap_or_default()
            ),
            None => format!("SMTP {step}: {error}"),
        };
        match step {
            Step::Connect | Step::Auth => Self::Unavailable(reason),
            // The server refuses the sender, and so the mails to all recipients.
            Step::Mail if error.is_permanent() => Self::Unavailable(reason),
            Step::Rcpt | Step::Data if error.is_permanent() => Self::Rejected {
                reason,
                is_unknown_mailbox: reply
                    .is_some_and(|reply| reply.split(' ').next() == Some(UNKNOWN_MAILBOX)),
            },
            Step::Mail | Step::Rcpt | Step::Data => Self::Temporary(reason),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
        })
    }
}
