//! Errors of commands, with their exit status.

use std::io;
use std::process::ExitCode;

use salver::Error;
use serde_json::json;

/// Exit statuses of `sysexits.h` (BSD): invalid input, service unavailable, internal error, permission denied,
/// configuration error.
const DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;
const SOFTWARE: u8 = 70;
const NO_PERMISSION: u8 = 77;
const CONFIG: u8 = 78;
/// Added to the number of a signal, as shells do.
const SIGNALLED: u8 = 128;

/// An error of a command.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    code: u8,
    /// Whether the reader of the output has closed it, which is not an error.
    is_broken_pipe: bool,
}

impl CliError {
    fn new(message: String, code: u8) -> Self {
        Self {
            message,
            code,
            is_broken_pipe: false,
        }
    }

    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(message.into(), DATA)
    }

    /// Returns the error of a process that ends because a part of it has ended by itself.
    pub(crate) fn ended(message: &str) -> Self {
        Self::new(message.to_owned(), SOFTWARE)
    }

    /// Returns the error of a process that was notified to end twice.
    pub(crate) fn cut_off(signal: i32) -> Self {
        let signal = u8::try_from(signal).unwrap_or_default();
        let message = "a second signal cut off what had begun; its jobs are attempted again when their leases end";
        Self::new(message.to_owned(), SIGNALLED.saturating_add(signal))
    }

    /// Returns whether the error is about the input, not about the server.
    pub(crate) fn is_about_input(&self) -> bool {
        self.code == DATA
    }

    /// Prepends the name of the server to the message.
    pub(crate) fn at(self, server: &str) -> Self {
        let message = format!("{server}: {}", self.message);
        self.with_message(message)
    }

    /// Appends what to do next to the message, unless the input was invalid.
    pub(crate) fn with_advice(self, advice: &str) -> Self {
        if self.is_about_input() {
            return self;
        }
        let message = format!("{}; {advice}", self.message);
        self.with_message(message)
    }

    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.message = message;
        self
    }

    /// Prints the error, and returns the exit status of the process.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if self.is_broken_pipe {
            return ExitCode::SUCCESS;
        }
        match json {
            true => eprintln!("{}", json!({ "error": self.message })),
            false => eprintln!("salver: {}", self.message),
        }
        ExitCode::from(self.code)
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let code = if error.is_denied() {
            NO_PERMISSION
        } else if error.is_misconfigured() {
            CONFIG
        } else if error.is_unavailable() || error.is_in_doubt() || error.is_full() {
            UNAVAILABLE
        } else {
            DATA
        };
        Self::new(error.to_string(), code)
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self {
            is_broken_pipe: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::new(error.to_string(), UNAVAILABLE)
        }
    }
}
