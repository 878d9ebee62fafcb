//! The limits of a message, each with the harm that it stops.

use std::time::Duration;

/// Longest text in bytes. Stops one message from filling the page, or the memory of the store.
pub const MAX_TEXT: usize = 4096;
/// Longest title in bytes. Stops a headline from pushing the text out of sight.
pub const MAX_TITLE: usize = 256;
/// Longest tag in bytes. Scripts compare tags of every message of a context.
pub const MAX_TAG: usize = 64;
/// Longest label of an action in bytes. It has to fit on a button.
pub const MAX_LABEL: usize = 128;
/// Longest link of an action in bytes, what browsers are sure to take.
pub const MAX_URL: usize = 2048;
/// Longest key of a translation, and longest name in it, in bytes. Stops it from being used for text.
pub const MAX_KEY: usize = 128;
/// Most JSON in `data`, and in the arguments of a translation, in bytes. Stops messages from being used as a database.
pub const MAX_DATA: usize = 4096;
/// Deepest nesting of `data`. Readers in every language stop somewhere; many at 128.
pub const MAX_DEPTH: usize = 64;
/// Largest message in bytes, as stored. Bounds what one look has to carry: 100 of them.
pub const MAX_MESSAGE: usize = 8192;
/// Longest delay of a message: 30 days. Stops a slip of units from keeping a key for ever.
pub const MAX_DELAY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
