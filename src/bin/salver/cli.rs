//! The commands and their arguments.

mod events;
mod inbox;
mod jobs;
#[cfg(feature = "server")]
mod programs;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod tokens;
mod worker;

use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use salver::{Context, Recipient, SessionId};

pub(crate) use self::events::{PatternArgs, Publish, SubscribeArgs, SubscriptionArgs};
pub(crate) use self::inbox::{InboxCommand, List, Mark, Notify, Retract};
pub(crate) use self::jobs::{DueArgs, JobsCommand};
#[cfg(feature = "server")]
pub(crate) use self::programs::{Exec, ProgramArgs};
#[cfg(feature = "server")]
pub(crate) use self::serve::ServeArgs;
#[cfg(feature = "server")]
pub(crate) use self::tokens::TokensCommand;
pub(crate) use self::worker::WorkerArgs;
use crate::error::CliError;
use crate::message::MessageArgs;
use crate::server::Server;

const EXIT_STATUS: &str = "\
Exit status: 0 success, 1 `doctor` found an issue, 2 invalid command line, 65 invalid input, 69 server unavailable, \
70 `serve` or `worker` ended by itself, 77 permission denied, 78 wrong setting of the server, 130 and 143 a second SIGINT or SIGTERM.";

const CONTEXT_HELP: &str = "\
A CONTEXT is the key in Redis, `app:{session}:view` (the view `*` is any page), or the context as JSON, as in the \
arguments of a job. Quote it: the shell expands braces.";

/// Inspect and send messages and notifications from a shell: list visible messages, count them, and
/// diagnose why they do not arrive.
#[derive(Parser)]
#[command(version, after_help = EXIT_STATUS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) server: Server,
    /// Print JSON, one value per line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The application's name.
    #[arg(long, global = true, env = "SALVER_APP")]
    pub(crate) app: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Returns the application, which commands without a context need.
    pub(crate) fn required_app(app: Option<String>) -> Result<String, clap::Error> {
        app.ok_or_else(|| {
            Self::command().error(
                ErrorKind::MissingRequiredArgument,
                "the command needs the application: --app <APP>, or SALVER_APP",
            )
        })
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the messages that a page would show; changes nothing.
    #[command(after_help = CONTEXT_HELP)]
    Peek {
        /// Context: app:{session}:view, or app:{session} for all views of the session.
        #[arg(value_name = "CONTEXT")]
        target: Target,
    },
    /// Add a message.
    #[command(after_help = CONTEXT_HELP)]
    Add(Box<Add>),
    /// Print new messages of a context as they arrive; changes nothing.
    #[command(after_help = CONTEXT_HELP)]
    Tail {
        /// Context: app:{session}:view.
        #[arg(value_name = "CONTEXT")]
        target: Target,
    },
    /// Print why a page shows no message of a context; changes nothing.
    #[command(after_help = CONTEXT_HELP)]
    Why {
        /// Context: app:{session}:view.
        #[arg(value_name = "CONTEXT")]
        target: Target,
    },
    /// Count the messages of an application.
    Stats,
    /// Remove messages older than an age, shown or not, to free memory.
    Sweep {
        /// Minimum age: `1d`, `90m`, `1h 30m`.
        #[arg(long, value_name = "AGE")]
        older_than: humantime::Duration,
    },
    /// Add a notification to the inboxes of recipients.
    #[command(after_help = self::inbox::NOTIFY_HELP)]
    Notify(Box<Notify>),
    /// List, count, mark and remove the notifications of a recipient.
    #[command(subcommand)]
    Inbox(InboxCommand),
    /// Publish an event: a worker notifies all who have subscribed to it.
    #[command(after_help = self::events::PUBLISH_HELP)]
    Publish(Box<Publish>),
    /// Print the subscriptions of a recipient, oldest first; changes nothing.
    Subscriptions {
        /// Recipient: user:{id} or email:{address}.
        recipient: Recipient,
    },
    /// Print the recipients who have subscribed with exactly these filters; changes nothing.
    Subscribers(PatternArgs),
    /// Subscribe a user to events.
    Subscribe(Box<SubscribeArgs>),
    /// End the subscription of a recipient with exactly these filters.
    Unsubscribe(Box<SubscriptionArgs>),
    /// Print the recipients who have a page open.
    Online,
    /// Count and list jobs, such as mails and webhooks, that wait or have failed, and retry or cancel them.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Print when digests are sent; `--now` lets a worker send them at once.
    Due(DueArgs),
    /// Send mails, notify subscribers of events and perform other jobs, until the process is asked to end.
    #[command(after_help = self::worker::HELP)]
    Worker(Box<WorkerArgs>),
    /// Serve the HTTP API of a broker, and deliver what is published, until the process is asked to end.
    #[cfg(feature = "server")]
    #[command(after_help = self::serve::HELP)]
    Serve(Box<ServeArgs>),
    /// Create, list and revoke the tokens of the HTTP API.
    #[cfg(feature = "server")]
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Check the server: version, permissions, settings, clock, latency; with `--app` also its
    /// contexts.
    Doctor,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man {
        /// The command, such as `sweep` or `inbox mark`; without it, the page of `salver`.
        command: Vec<String>,
    },
}

#[derive(Args)]
pub(crate) struct Add {
    /// Context: app:{session}:view.
    #[arg(value_name = "CONTEXT")]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
    /// Show the message after a delay: `10m`.
    #[arg(long, value_name = "TIME")]
    pub(crate) after: Option<humantime::Duration>,
}

/// A context, or all contexts of a session.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Context(Context),
    /// Application and session.
    Session(String, SessionId),
}

impl Target {
    /// Returns the context. Fails for a whole session.
    pub(crate) fn context(&self) -> Result<&Context, CliError> {
        match self {
            Self::Context(context) => Ok(context),
            Self::Session(..) => Err(CliError::invalid_input(
                "the target is a session, not a context",
            )),
        }
    }

    pub(crate) fn app(&self) -> &str {
        match self {
            Self::Context(context) => context.app(),
            Self::Session(app, _) => app,
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            let context = serde_json::from_str(text).map(Self::Context);
            return context.map_err(|error| error.to_string());
        }
        if !text.ends_with('}') {
            let context = text.parse().map(Self::Context);
            return context.map_err(|error: salver::Error| error.to_string());
        }
        // `app:{session}` is parsed as the context of any view, `app:{session}:*`.
        let any: Context = format!("{text}:*")
            .parse()
            .map_err(|_| "context is not of the form `app:{session}`".to_owned())?;
        Ok(Self::Session(any.app().to_owned(), any.session().clone()))
    }
}
