//! The output of commands: text, or one JSON value per line.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use salver::{Context, Message};
use serde::Serialize;
use serde_json::json;

use crate::error::CliError;

/// Prints the results of a command.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a text, or with `--json` a JSON value.
    pub(crate) fn print(
        &self,
        line: impl FnOnce() -> String,
        value: impl Serialize,
    ) -> Result<(), CliError> {
        let text = match self.json {
            true => serde_json::to_string(&value)
                .map_err(|error| CliError::from(io::Error::from(error)))?,
            false => line(),
        };
        writeln!(io::stdout(), "{text}").map_err(CliError::from)
    }

    pub(crate) fn message(&self, context: &Context, message: &Message) -> Result<(), CliError> {
        let value = json!({ "context": context.key(), "message": message });
        self.print(|| line(message), value)
    }
}

/// Returns a message as one line: time, level, tag, text.
fn line(message: &Message) -> String {
    let created_at = UNIX_EPOCH + Duration::from_millis(message.id().unix_ms());
    let title = message.get_title().map(|title| format!("{title}: "));
    let text = message.text().replace(['\n', '\t'], " ");
    format!(
        "{} {:7} {:10} {}{text}",
        humantime::format_rfc3339_seconds(created_at),
        message.level().to_string(),
        message.get_tag().unwrap_or("-"),
        title.unwrap_or_default(),
    )
}

/// Returns a time in Unix milliseconds as its age and its date.
pub(crate) fn ago(unix_ms: u64) -> String {
    let moment = UNIX_EPOCH + Duration::from_millis(unix_ms);
    let age = SystemTime::now().duration_since(moment).unwrap_or_default();
    let age = Duration::from_secs(age.as_secs());
    let age = humantime::format_duration(age);
    format!("{age} ago, {}", humantime::format_rfc3339_seconds(moment))
}

/// Returns a number with commas between its thousands.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    let groups = groups.iter().map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join(",")
}
