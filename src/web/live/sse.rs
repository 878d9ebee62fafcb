//! What goes down a stream: Server-Sent Events. (WHATWG HTML, "Server-sent events".)
//!
//! No line of a frame is anybody's text: JSON has none that ends a line.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::store::Claim;
use crate::web::translation::Translator;
use crate::{Message, fragment};

/// A comment, which shows both sides that the connection is there.
pub(crate) const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// What a frame says of a message.
#[derive(Serialize)]
struct MessageFrame<'a> {
    message: &'a Message,
    /// Whether it is for whichever page comes next.
    any: bool,
    html: String,
}

/// Opens a stream: how long the browser is to wait before it opens another.
pub(crate) fn opening(retry: Duration) -> Bytes {
    format!(":\nretry: {}\n\n", retry.as_millis()).into()
}

/// Says farewell: when to come again, and whether the page is not what it was any more.
pub(crate) fn closing(retry: Duration, reset: bool) -> Bytes {
    let mut frame = format!("retry: {}\n\n", retry.as_millis());
    if reset {
        frame.push_str("event: reset\ndata:\n\n");
    }
    frame.into()
}

/// Puts the messages of a claim into frames, and how many more there were.
pub(crate) fn messages(claim: &Claim, translator: &Translator) -> Bytes {
    let mut frames = String::new();
    for message in claim.messages() {
        let translated = translator.translate(message);
        let shown = MessageFrame {
            any: claim.is_for_any(message),
            html: fragment(std::slice::from_ref(&translated), 0),
            message: &translated,
        };
        // Words and numbers: there is nothing that could not be written, and writing into a string cannot fail.
        let data = serde_json::to_string(&shown).unwrap_or_default();
        let _ = write!(frames, "id: {}\ndata: {data}\n\n", message.id());
    }
    let displaced = claim.result.displaced;
    if displaced > 0 {
        let text = translator.more(displaced);
        let more = json!({ "count": displaced, "text": text });
        let _ = write!(frames, "event: more\ndata: {more}\n\n");
    }
    frames.into()
}
