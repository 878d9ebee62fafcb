//! Secrets, which are read from files or from the environment: other users of a machine see arguments.

use std::env;
use std::fs;
use std::path::Path;

use clap::ArgMatches;
use clap::parser::ValueSource;
use url::Url;

use crate::error::CliError;

/// The arguments that are URLs with a password, and the variables in which they may be.
const URLS: [(&str, &str); 2] = [("redis", "REDIS_URL"), ("smtp", "SALVER_SMTP")];

/// A secret, and the variable in which it may be.
pub(crate) struct Secret {
    name: &'static str,
    variable: &'static str,
}

impl Secret {
    #[cfg(feature = "server")]
    pub(crate) const TOKEN: Self = Self {
        name: "token",
        variable: "SALVER_TOKEN",
    };
    pub(crate) const SITE: Self = Self {
        name: "secret",
        variable: "SALVER_SECRET",
    };
    #[cfg(feature = "server")]
    pub(crate) const OLD_SITE: Self = Self {
        name: "old secret",
        variable: "SALVER_OLD_SECRET",
    };

    /// Reads the secret from a file, else from its variable. White space at its end, such as that of an editor, is no part
    /// of it.
    pub(crate) fn read(&self, file: Option<&Path>) -> Result<Option<String>, CliError> {
        let Some(file) = file else {
            return Ok(env::var(self.variable)
                .ok()
                .filter(|secret| !secret.is_empty()));
        };
        let read = fs::read_to_string(file).map_err(|error| {
            let file = file.display();
            CliError::invalid_input(format!(
                "the {} cannot be read from {file}: {error}",
                self.name
            ))
        });
        Ok(Some(read?.trim_end().to_owned()))
    }
}

/// Refuses URLs with a password among the arguments.
///
/// # Errors
///
/// Invalid input, which does not repeat the URL.
pub(crate) fn refuse_in_arguments(matches: &ArgMatches) -> Result<(), CliError> {
    let of_command = matches.subcommand().map(|(_, matches)| matches);
    for matches in [Some(matches), of_command].into_iter().flatten() {
        for (argument, variable) in URLS {
            if has_password(matches, argument) {
                return Err(CliError::invalid_input(format!(
                    "--{argument} has a password, which other users of this machine can see: set {variable} instead"
                )));
            }
        }
    }
    Ok(())
}

/// Returns whether an argument is a URL with a password.
fn has_password(matches: &ArgMatches, argument: &str) -> bool {
    let value = matches.try_get_one::<String>(argument).ok().flatten();
    let is_argument =
        |_: &&String| matches.value_source(argument) == Some(ValueSource::CommandLine);
    let url = value
        .filter(is_argument)
        .and_then(|url| Url::parse(url).ok());
    url.is_some_and(|url| url.password().is_some())
}

/// Returns a secret for a process without one.
#[cfg(feature = "server")]
pub(crate) fn random() -> Result<[u8; 32], CliError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| CliError::invalid_input(format!("no random bytes: {error}")))?;
    Ok(bytes)
}
