//! The arguments of `worker`.

use clap::Args;

pub(crate) const HELP: &str = "\
It mails recipients that are addresses. Users are mailed by the workers of the site, which know their addresses. \
It tells subscribers of events that have a message, with this message: `publish --text`. Without profiles of users, a \
person who has subscribed as a user and by address is told twice, and --except counts for the named recipients only. \
At SIGTERM it ends when the attempts that have begun have ended.";

#[derive(Args)]
pub(crate) struct WorkerArgs {
    /// The address of the site, for the links in mails: `https://shop.example`.
    #[arg(long, value_name = "URL", env = "SALVER_SITE")]
    pub(crate) site: String,
    /// The secret of the site, which signs links in mails: at least 32 bytes.
    #[arg(
        long,
        value_name = "SECRET",
        env = "SALVER_SECRET",
        hide_env_values = true
    )]
    pub(crate) secret: String,
    /// SMTP server: smtp[s]://[user:password@]host[:port].
    #[arg(long, value_name = "URL", env = "SALVER_SMTP", hide_env_values = true)]
    pub(crate) smtp: String,
    /// The sender: `Shop <notify@shop.example>`.
    #[arg(long, value_name = "ADDRESS", env = "SALVER_FROM")]
    pub(crate) from: String,
    /// How many jobs of each kind are performed at the same time.
    #[arg(long, value_name = "JOBS", default_value_t = 16)]
    pub(crate) concurrency: usize,
}
