//! What can be asked for.

use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use salver::{Context, Level, SessionId};

use crate::error::CliError;
use crate::server::Server;

const CODES: &str = "\
Exit status: 0 all is well, 1 `doctor` has found something, 2 wrong use, 65 the input is refused, 69 the server does not \
answer, 77 it does not let this user in.";

const ADDRESSES: &str = "\
An ADDRESS is spelled as the key in Redis, `app:{session}:view` (`*` is whichever page comes next), or as the JSON that a \
handler gives a job. Quote it: braces mean something to a shell.";

/// Messages for visitors, from a shell: what is pending, what there is of it, and why it does not arrive.
#[derive(Parser)]
#[command(version, after_help = CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) server: Server,
    /// Write JSON, one value a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read what a page would show, and change nothing.
    #[command(after_help = ADDRESSES)]
    Peek {
        /// Whose, on which page; `app:{session}` is all pages of a session.
        target: Target,
    },
    /// Leave a message.
    #[command(after_help = ADDRESSES)]
    Add(Box<Add>),
    /// Follow what comes, as a page of the address would show it, and change nothing.
    #[command(after_help = ADDRESSES)]
    Watch {
        /// Whose, on which page.
        target: Target,
    },
    /// Count the messages of an application.
    Stats {
        /// The application's name.
        #[arg(long, env = "SALVER_APP")]
        app: String,
    },
    /// Drop messages that are older than this, read or not, when space runs short.
    Sweep {
        /// The application's name.
        #[arg(long, env = "SALVER_APP")]
        app: String,
        /// How old: `1d`, `90m`, `1h 30m`.
        #[arg(long, value_name = "AGE")]
        older_than: humantime::Duration,
    },
    /// Look for what keeps messages from arriving: server, rights, settings, clock, speed.
    Doctor {
        /// The application's name.
        #[arg(long, env = "SALVER_APP")]
        app: String,
    },
    /// Print what completes commands in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man {
        /// Of one command.
        command: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct Add {
    /// Whose, on which page.
    pub(crate) target: Target,
    /// What is shown; `-` reads it from standard input.
    pub(crate) text: String,
    /// How loud.
    #[arg(long, default_value = "info")]
    pub(crate) level: LevelArg,
    /// A title above the text.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Takes the place of what has the same tag.
    #[arg(long)]
    pub(crate) tag: Option<String>,
    /// The text is Markdown.
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Show it later: in `10m`.
    #[arg(long, value_name = "TIME")]
    pub(crate) after: Option<humantime::Duration>,
    /// A link: what it is called, and where it leads to.
    #[arg(long, num_args = 2, value_names = ["LABEL", "URL"])]
    pub(crate) action: Option<Vec<String>>,
}

/// A level, as it is spelled.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum LevelArg {
    Debug,
    Info,
    Success,
    Warning,
    Error,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Debug => Self::Debug,
            LevelArg::Info => Self::Info,
            LevelArg::Success => Self::Success,
            LevelArg::Warning => Self::Warning,
            LevelArg::Error => Self::Error,
        }
    }
}

/// Whose messages, and on which page if one is named.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Context(Context),
    /// All pages of an application's session.
    Session(String, SessionId),
}

impl Target {
    /// Gives the page.
    pub(crate) fn context(&self) -> Result<&Context, CliError> {
        match self {
            Self::Context(context) => Ok(context),
            Self::Session(..) => Err(CliError::invalid_input("the address names no page")),
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
        // As the session's page that is any.
        let any: Context = format!("{text}:*")
            .parse()
            .map_err(|_| "address is not spelled `app:{session}`".to_owned())?;
        Ok(Self::Session(any.app().to_owned(), any.session().clone()))
    }
}
