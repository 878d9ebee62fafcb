//! How the text is written.

use serde::{Deserialize, Serialize};

/// How the text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Characters, shown as they are.
    #[default]
    Plain,
    /// Markdown, drawn and sanitised with the feature `markdown`, shown as it is without.
    Markdown,
}
