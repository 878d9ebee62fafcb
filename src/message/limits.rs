//! The limits of a message, each with the reason for its value.

use std::time::Duration;

/// Longest text in bytes. Stops one message from filling the page or the memory of the store.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Longest title in bytes. Stops a title from pushing the text out of sight.
pub const MAX_TITLE_BYTES: usize = 256;
/// Longest tag in bytes. Short, since scripts compare the tags of all messages of a context.
pub const MAX_TAG_BYTES: usize = 64;
/// Longest label of an action in bytes. It must fit on a button.
pub const MAX_LABEL_BYTES: usize = 128;
/// Longest URL of an action in bytes. All browsers accept this length.
pub const MAX_URL_BYTES: usize = 2048;
/// Longest translation key and longest name of an argument, in bytes. Stops keys from being used
/// for text.
pub const MAX_KEY_BYTES: usize = 128;
/// Longest JSON in `data`, and in all arguments of a translation together, in bytes. Stops messages
/// from being used as a database.
pub const MAX_DATA_BYTES: usize = 4096;
/// Deepest nesting of `data` and of the arguments of a translation. JSON parsers of other languages
/// have a limit, often 128.
pub const MAX_DATA_DEPTH: usize = 64;
/// Longest stored message in bytes. Bounds the reply to a read, which has 100 of them by default.
pub const MAX_MESSAGE_BYTES: usize = 8192;
/// Longest delay of a message: 30 days. Stops a mistake in the unit from keeping a key for ever.
pub const MAX_DELAY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
