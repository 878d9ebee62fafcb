//! The arguments of `worker` that name local programs.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

#[derive(Args)]
pub(crate) struct ProgramArgs {
    /// A type of events and the absolute path of the program that is run with each of them: `order.paid=/opt/shop/invoice`;
    /// repeat the option for several types.
    #[arg(long, value_name = "TYPE=PROGRAM")]
    pub(crate) exec: Vec<Exec>,
    /// How long a program runs at most: 1 second to 50 minutes. Then it is killed, with its process group.
    #[arg(long, value_name = "TIME", default_value = "1m")]
    pub(crate) exec_timeout: humantime::Duration,
}

/// A type of events, and the program that is run with them.
#[derive(Clone)]
pub(crate) struct Exec {
    pub(crate) event_type: String,
    pub(crate) program: PathBuf,
}

impl FromStr for Exec {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let exec = text.split_once('=');
        let (event_type, program) = exec.ok_or("a program is named as TYPE=PROGRAM")?;
        Ok(Self {
            event_type: event_type.to_owned(),
            program: program.into(),
        })
    }
}
