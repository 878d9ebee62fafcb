//! What went wrong, and what to do about it.

use std::io;
use std::process::ExitCode;

use salver::{Error, Salver};
use serde_json::json;

use crate::args::Server;
use crate::say::Say;

/// As in `sysexits.h` of BSD.
const DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;
const NO_PERMISSION: u8 = 77;

/// What went wrong.
#[derive(Debug)]
pub(crate) struct Trouble {
    what: String,
    code: u8,
    /// Nobody reads what is written: that is no trouble.
    is_quiet: bool,
}

impl Trouble {
    fn new(what: String, code: u8) -> Self {
        Self {
            what,
            code,
            is_quiet: false,
        }
    }

    pub(crate) fn of_input(what: impl Into<String>) -> Self {
        Self::new(what.into(), DATA)
    }

    /// Asks the server what is wrong, where it is not the input.
    pub(crate) async fn at(server: &Server, salver: &Salver, error: Error) -> Self {
        let trouble = Self::from(error);
        if trouble.code == DATA {
            return trouble;
        }
        let health = salver.health().await;
        let first = health.findings().first();
        let what = first.map_or(trouble.what, ToString::to_string);
        let what = match trouble.code == UNAVAILABLE && server.takes_connections().await {
            true => "unreachable: somebody answers there, and not as Redis does; see whether the port is right, and \
                     whether it wants TLS (`rediss://`)"
                .to_owned(),
            false => what,
        };
        Self::new(format!("{}: {what}", server.name()), trouble.code)
    }

    /// Says it, and how the process is to end.
    pub(crate) fn tell(&self, say: &Say) -> ExitCode {
        if self.is_quiet {
            return ExitCode::SUCCESS;
        }
        match say.is_json() {
            true => eprintln!("{}", json!({ "error": self.what })),
            false => eprintln!("salver: {}", self.what),
        }
        ExitCode::from(self.code)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let code = if error.is_denied() {
            NO_PERMISSION
        } else if error.is_unavailable() || error.is_in_doubt() {
            UNAVAILABLE
        } else {
            DATA
        };
        Self::new(error.to_string(), code)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self {
            is_quiet: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::new(error.to_string(), UNAVAILABLE)
        }
    }
}
