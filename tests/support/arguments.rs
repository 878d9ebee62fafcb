//! The arguments of messages, for the translators of tests.

use salver::Message;

/// Returns an argument of a message as text; an empty one if it is missing.
pub fn argument(message: &Message, name: &str) -> String {
    let mut args = message.args();
    let found = args.find(|(argument, _)| *argument == name);
    let text = found.map(|(_, value)| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    });
    text.unwrap_or_default()
}
