//! `salver`: what is pending, what there is of it, and why it does not arrive. For a shell during an incident.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::args::{Cli, Command};
use self::say::Say;
use self::trouble::Trouble;

mod add;
mod args;
mod doctor;
mod peek;
mod say;
mod stats;
mod sweep;
mod trouble;
mod watch;

/// What a command comes to: whether all is well.
type Outcome = Result<bool, Trouble>;

fn main() -> ExitCode {
    let Cli {
        server,
        json,
        command,
    } = Cli::parse();
    let say = Say::new(json);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&server, command, &say)),
        Err(error) => Err(Trouble::from(error)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(trouble) => trouble.tell(&say),
    }
}

async fn run(server: &args::Server, command: Command, say: &Say) -> Outcome {
    match command {
        Command::Peek { address } => peek::run(server, &address, say).await,
        Command::Add(wanted) => add::run(server, *wanted, say).await,
        Command::Watch { address } => watch::run(server, &address, say).await,
        Command::Stats { app } => stats::run(server, &app, say).await,
        Command::Sweep { app, older_than } => sweep::run(server, &app, *older_than, say).await,
        Command::Doctor { app } => doctor::run(server, &app, say).await,
        Command::Completions { shell } => {
            // Not at once to whoever reads: it panics where nobody does.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "salver", &mut script);
            io::stdout().write_all(&script)?;
            Ok(true)
        }
        Command::Man { command } => man(command.as_deref()),
    }
}

/// Prints the manual page, of one command if it is named.
fn man(name: Option<&str>) -> Outcome {
    let mut whole = Cli::command();
    whole.build();
    let command = match name {
        None => whole,
        Some(name) => {
            let found = whole.find_subcommand(name).cloned();
            found.ok_or_else(|| Trouble::of_input(format!("there is no command `{name}`")))?
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    io::stdout().write_all(&page)?;
    Ok(true)
}
