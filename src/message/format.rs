//! The markup of a text.

use serde::{Deserialize, Serialize};

/// The markup of the text of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Plain text. Its characters are shown unchanged.
    #[default]
    Plain,
    /// Markdown, rendered to sanitised HTML with the feature `markdown`. Without the feature it is
    /// shown as plain text.
    Markdown,
}
