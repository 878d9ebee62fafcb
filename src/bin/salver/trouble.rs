//! What went wrong, and what to do about it.

use std::io;
use std::process::ExitCode;

use salver::store::Trouble as Named;
use salver::{Error, Salver};
use serde_json::json;

use crate::args::Server;
use crate::say::Say;

/// As in `sysexits.h` of BSD.
const DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;
const NO_PERMISSION: u8 = 77;

/// Gives what the server has answered, or what is wrong with it.
pub(crate) async fn answered<T>(
    server: &Server,
    salver: &Salver,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    match answer.await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(Trouble::at(server, salver, error).await),
    }
}

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
    async fn at(server: &Server, salver: &Salver, error: Error) -> Self {
        let is_in_doubt = error.is_in_doubt();
        let trouble = Self::from(error);
        if trouble.code == DATA {
            return trouble;
        }
        if is_in_doubt {
            // It may be there: what else is wrong is for `doctor`.
            return Self::new(format!("{}: {}", server.name(), trouble.what), trouble.code);
        }
        let health = salver.health().await;
        let what = match health.findings().first() {
            Some(first) if first.trouble() == Named::Unreachable && server.is_another().await => {
                "unreachable: somebody answers there, and not as Redis does; see whether the port is right, and \
                 whether it wants TLS (`rediss://`)"
                    .to_owned()
            }
            Some(first) => first.to_string(),
            None => trouble.what,
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
        } else if error.is_unavailable() || error.is_in_doubt() || error.is_full() {
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
