//! The message of `add`, `notify` and `publish`, and its arguments.

use std::io::Read;

use clap::{Args, ValueEnum};
use salver::{Level, Message};

use crate::error::CliError;

/// A message as arguments.
#[derive(Args)]
pub(crate) struct MessageArgs {
    /// Text of the message; `-` reads it from standard input.
    text: String,
    #[command(flatten)]
    options: MessageOptions,
}

/// What a message has besides its text.
#[derive(Args)]
#[group(requires = "text")]
pub(crate) struct MessageOptions {
    /// Severity level.
    #[arg(long, default_value = "info")]
    level: LevelArg,
    /// Title above the text.
    #[arg(long)]
    title: Option<String>,
    /// Tag: replace the message that has the same tag.
    #[arg(long)]
    tag: Option<String>,
    /// Render the text as Markdown.
    #[arg(long)]
    markdown: bool,
    /// Link: label and URL.
    #[arg(long, num_args = 2, value_names = ["LABEL", "URL"])]
    action: Option<Vec<String>>,
}

impl MessageArgs {
    /// Builds the message. Reads its text from standard input if it is `-`.
    pub(crate) fn build(self) -> Result<Message, CliError> {
        self.options.build(self.text)
    }
}

impl MessageOptions {
    /// Builds the message with a text. Reads it from standard input if it is `-`.
    pub(crate) fn build(self, text: String) -> Result<Message, CliError> {
        let mut message = Message::new(self.level.into(), read_argument(text)?);
        if let Some(title) = self.title {
            message = message.title(title);
        }
        if let Some(tag) = self.tag {
            message = message.tag(tag);
        }
        if self.markdown {
            message = message.markdown();
        }
        if let Some([label, url]) = self.action.as_deref() {
            message = message.action(label, url);
        }
        Ok(message)
    }
}

/// Returns an argument, or standard input if it is `-`.
pub(crate) fn read_argument(argument: String) -> Result<String, CliError> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text.trim_end().to_owned())
}

/// A level as an argument.
#[derive(Clone, Copy, ValueEnum)]
enum LevelArg {
    Debug,
    Info,
    Success,
    Warning,
    Error,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Debug => Self::Debug,
            LevelArg::Info => Self::Info,
            LevelArg::Success => Self::Success,
            LevelArg::Warning => Self::Warning,
            LevelArg::Error => Self::Error,
        }
    }
}
