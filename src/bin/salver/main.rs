//! `salver`: what is pending, what there is of it, and why it does not arrive. For a shell during an incident.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::cli::{Cli, Command};
use self::error::CliError;
use self::output::Output;
use self::server::Server;

mod add;
mod cli;
mod doctor;
mod error;
mod output;
mod peek;
mod server;
mod stats;
mod sweep;
mod tail;

/// What a command comes to: whether healthy.
type Outcome = Result<bool, CliError>;

fn main() -> ExitCode {
    let Cli {
        server,
        json,
        command,
    } = Cli::parse();
    let output = Output::new(json);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&server, command, &output)),
        Err(error) => Err(CliError::from(error)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => error.report(json),
    }
}

async fn run(server: &Server, command: Command, output: &Output) -> Outcome {
    match command {
        Command::Peek { target } => peek::run(server, &target, output).await,
        Command::Add(args) => add::run(server, *args, output).await,
        Command::Tail { target } => tail::run(server, &target, output).await,
        Command::Stats { app } => stats::run(server, &app, output).await,
        Command::Sweep { app, older_than } => sweep::run(server, &app, *older_than, output).await,
        Command::Doctor { app } => doctor::run(server, &app, output).await,
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
            found.ok_or_else(|| CliError::invalid_input(format!("there is no command `{name}`")))?
        }
    };
    let mut context = Vec::new();
    clap_mangen::Man::new(command).render(&mut context)?;
    io::stdout().write_all(&context)?;
    Ok(true)
}
