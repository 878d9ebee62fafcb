//! The arguments of `jobs` and `due`.

use clap::{Args, Subcommand, ValueEnum};
use salver::jobs::DeliveryState;

#[derive(Subcommand)]
pub(crate) enum JobsCommand {
    /// Count the jobs that are due, wait for their time, or are dead.
    Counts,
    /// Print jobs with their failed attempts, those that wait longest first.
    List {
        /// Which jobs.
        #[arg(value_enum, default_value = "waiting")]
        state: State,
    },
    /// Attempt jobs at once that are dead or wait for their time.
    Retry {
        /// The ids of the jobs.
        #[arg(required = true, allow_hyphen_values = true)]
        ids: Vec<String>,
    },
    /// Cancel jobs. An attempt that has begun is not interrupted.
    Cancel {
        /// The ids of the jobs.
        #[arg(required = true, allow_hyphen_values = true)]
        ids: Vec<String>,
    },
}

#[derive(Args)]
pub(crate) struct DueArgs {
    /// Send the digests at once. Each counts as that of its day: the recipient gets no other one then.
    #[arg(long)]
    pub(crate) now: bool,
    /// Only those of this recipient: `user:ada`, `email:ada@example.org`.
    #[arg(long, value_name = "RECIPIENT")]
    pub(crate) to: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum State {
    /// Due, or due later.
    Waiting,
    /// A worker attempts them.
    Leased,
    /// Not attempted again by themselves.
    Dead,
}

impl From<State> for DeliveryState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Leased => Self::Leased,
            State::Dead => Self::Dead,
        }
    }
}
