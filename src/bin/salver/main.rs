//! The command-line tool `salver`: lists, counts and adds messages and notifications, publishes events, and diagnoses
//! the server.
//!
//! For an operator at a shell during an incident.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use self::cli::{Cli, Command};
use self::commands::{
    add, doctor, due, inbox, jobs, notify, online, peek, publish, stats, subscriptions, sweep,
    tail, why, worker,
};
#[cfg(feature = "server")]
use self::commands::{serve, tokens};
use self::error::CliError;
use self::output::Output;
use self::server::Server;

mod cli;
mod commands;
mod error;
mod log;
mod message;
mod output;
#[cfg(feature = "server")]
mod programs;
mod secrets;
mod server;
mod signals;

/// The result of a command: `false` if `doctor` found an issue.
type Outcome = Result<bool, CliError>;

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let Cli {
        server,
        json,
        app,
        command,
    } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(error) = secrets::refuse_in_arguments(&matches) {
        return error.report(json);
    }
    let output = Output::new(json);
    #[cfg(feature = "server")]
    if let Command::Serve(args) = command {
        // The HTTP server needs a runtime of its own kind.
        let served = actix_web::rt::System::new().block_on(serve::run(
            &server,
            &required(app),
            *args,
            &output,
        ));
        return exit_code(served, json);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&server, app, command, &output)),
        Err(error) => Err(CliError::from(error)),
    };
    exit_code(outcome, json)
}

fn exit_code(outcome: Outcome, json: bool) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => error.report(json),
    }
}

async fn run(server: &Server, app: Option<String>, command: Command, output: &Output) -> Outcome {
    match command {
        Command::Peek { target } => peek::run(server, &target, output).await,
        Command::Add(args) => add::run(server, *args, output).await,
        Command::Tail { target } => tail::run(server, &target, output).await,
        Command::Why { target } => why::run(server, &target, output).await,
        Command::Stats => stats::run(server, &required(app), output).await,
        Command::Sweep { older_than } => {
            sweep::run(server, &required(app), *older_than, output).await
        }
        Command::Notify(args) => notify::run(server, &required(app), *args, output).await,
        Command::Inbox(command) => inbox::run(server, &required(app), command, output).await,
        Command::Publish(args) => publish::run(server, &required(app), *args, output).await,
        Command::Subscriptions { recipient } => {
            subscriptions::list(server, &required(app), &recipient, output).await
        }
        Command::Subscribers(args) => {
            subscriptions::subscribers(server, &required(app), &args, output).await
        }
        Command::Subscribe(args) => {
            subscriptions::subscribe(server, &required(app), *args, output).await
        }
        Command::Unsubscribe(args) => {
            subscriptions::unsubscribe(server, &required(app), &args, output).await
        }
        Command::Online => online::run(server, &required(app), output).await,
        Command::Jobs(command) => jobs::run(server, &required(app), command, output).await,
        Command::Due(args) => due::run(server, &required(app), args, output).await,
        Command::Worker(args) => worker::run(server, &required(app), *args, output).await,
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(server, &required(app), *args, output).await,
        #[cfg(feature = "server")]
        Command::Tokens(command) => tokens::run(server, &required(app), command, output).await,
        Command::Doctor => doctor::run(server, app.as_deref(), output).await,
        Command::Completions { shell } => {
            // Not directly to standard output: `generate` panics if its reader has closed it.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "salver", &mut script);
            io::stdout().write_all(&script)?;
            Ok(true)
        }
        Command::Man { command } => man(&command),
    }
}

/// Returns the application. Without one, prints the usage and ends the program.
fn required(app: Option<String>) -> String {
    Cli::required_app(app).unwrap_or_else(|error| error.exit())
}

/// Prints the manual page of a command; without a name, that of `salver`.
fn man(names: &[String]) -> Outcome {
    let mut command = Cli::command();
    command.build();
    for name in names {
        let subcommand = command.find_subcommand(name).cloned();
        command = subcommand.ok_or_else(|| {
            CliError::invalid_input(format!("there is no command `{}`", names.join(" ")))
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    io::stdout().write_all(&page)?;
    Ok(true)
}
