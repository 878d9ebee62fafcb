//! Secrets, which are read from files or from the environment: other users of a machine see arguments.

use std::env;
use std::fs;
use std::path::Path;

use crate::error::CliError;

/// A secret, and the variable in which it may be.
pub(super) struct Secret {
    name: &'static str,
    variable: &'static str,
}

impl Secret {
    pub(super) const TOKEN: Self = Self {
        name: "token",
        variable: "SALVER_TOKEN",
    };
    pub(super) const SITE: Self = Self {
        name: "secret",
        variable: "SALVER_SECRET",
    };

    /// Reads the secret from a file, else from its variable. White space at its end, such as that of an editor, is no part
    /// of it.
    pub(super) fn read(&self, file: Option<&Path>) -> Result<Option<String>, CliError> {
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

/// Returns a secret for a process without one.
pub(super) fn random() -> Result<[u8; 32], CliError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| CliError::invalid_input(format!("no random bytes: {error}")))?;
    Ok(bytes)
}
