//! The arguments of `worker`.

use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "server")]
use crate::cli::programs::ProgramArgs;

pub(crate) const HELP: &str = "\
It mails recipients that are addresses. Users are mailed by the workers of the site, which know their addresses. \
It notifies subscribers of events that have a message, with this message: `publish --text`. Without profiles of users, a \
person who has subscribed as a user and by address is notified twice, and --except counts for the named recipients only. \
At SIGTERM it ends when the attempts that have begun have ended; a second signal ends it at once.

Secrets are read from files or from the environment, never from arguments: SALVER_SECRET is the secret of the site, \
SALVER_SMTP an SMTP server with a password.

With --exec (feature `server`) it runs programs too, and then needs no SMTP server and no site; without an SMTP server \
it sends no mails. A program runs without a shell, arguments and environment variables, in the folder /, as the user of \
the worker. It reads the event from standard input, as a CloudEvent in JSON. When its exit status is 0, the event is done, \
and what it has written to standard output is published as the result: one CloudEvent in JSON, or nothing. \
Another exit status, other output, more than 64 KiB of output, or --exec-timeout: the attempt has failed, and is \
repeated for about 3.5 days; `jobs list` prints it with the end of standard error. A program can get an event twice. \
Who can publish events of the type can make it run, at most --concurrency times at the same time.";

#[derive(Args)]
pub(crate) struct WorkerArgs {
    /// The address of the site, for the links in mails: `https://shop.example`.
    #[arg(long, value_name = "URL", env = "SALVER_SITE")]
    #[cfg_attr(feature = "server", arg(required_unless_present = "exec"))]
    #[cfg_attr(not(feature = "server"), arg(required = true))]
    pub(crate) site: Option<String>,
    /// A file with the secret of the site, instead of SALVER_SECRET, which signs links in mails: at least 32 bytes.
    #[arg(long, value_name = "FILE", env = "SALVER_SECRET_FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// SMTP server: smtp[s]://[user@]host[:port]; with a password in SALVER_SMTP alone.
    #[arg(long, value_name = "URL", env = "SALVER_SMTP", hide_env_values = true)]
    #[arg(requires_all = ["site", "from"])]
    #[cfg_attr(feature = "server", arg(required_unless_present = "exec"))]
    #[cfg_attr(not(feature = "server"), arg(required = true))]
    pub(crate) smtp: Option<String>,
    /// The sender: `Shop <notify@shop.example>`.
    #[arg(long, value_name = "ADDRESS", env = "SALVER_FROM")]
    #[cfg_attr(feature = "server", arg(required_unless_present = "exec"))]
    #[cfg_attr(not(feature = "server"), arg(required = true))]
    pub(crate) from: Option<String>,
    /// How many jobs of each kind are performed at the same time.
    #[arg(long, value_name = "JOBS", default_value_t = 16)]
    pub(crate) concurrency: usize,
    #[cfg(feature = "server")]
    #[command(flatten)]
    pub(crate) programs: ProgramArgs,
}
