//! The frames of a stream: Server-Sent Events. (WHATWG HTML, "Server-sent events".)
//!
//! Text of a message cannot end a line and so start a field: JSON escapes line breaks.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::render::{Shown, list};
use crate::store::Claim;
use crate::web::presentation::{Classes, SitePresentation};
use crate::web::translation::Translator;
use crate::{Message, View};

/// A comment, which shows both sides that the connection is open.
pub(crate) const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// The data of the frame of one message.
#[derive(Serialize)]
struct MessageFrame<'a> {
    message: &'a Message,
    /// The view of the message, which may be [`View::ANY`](crate::View::ANY).
    view: Option<&'a View>,
    html: String,
}

/// Returns the first frame of a stream: the time after which the browser reconnects.
pub(crate) fn opening(retry: Duration) -> Bytes {
    format!(":\nretry: {}\n\n", retry.as_millis()).into()
}

/// Returns the last frame of a stream: the time after which the browser reconnects, and with
/// `reset` the event that reloads the page.
pub(crate) fn closing(retry: Duration, reset: bool) -> Bytes {
    let mut frame = format!("retry: {}\n\n", retry.as_millis());
    if reset {
        frame.push_str("event: reset\ndata:\n\n");
    }
    frame.into()
}

/// Returns a frame for each message of a claim, and one for each view with the number of displaced
/// messages.
pub(crate) fn messages(claim: &Claim, translator: &Translator, classes: &Classes) -> Bytes {
    let presentation = SitePresentation {
        translator,
        classes,
    };
    let html =
        |messages: &[Message], displaced| list(messages, displaced, Shown::Once, &presentation);
    let mut frames = String::new();
    for message in claim.messages() {
        let translated = translator.translate(message);
        let frame = MessageFrame {
            view: claim.view_of(message),
            html: html(std::slice::from_ref(&translated), 0),
            message: &translated,
        };
        // A message always serializes, and writing into a string cannot fail.
        let data = serde_json::to_string(&frame).unwrap_or_default();
        let _ = write!(frames, "data: {data}\n\n");
    }
    for (view, displaced) in claim.displaced_by_view() {
        let (text, html) = (translator.more(displaced), html(&[], displaced));
        let more = json!({ "count": displaced, "text": text, "html": html, "view": view });
        let _ = write!(frames, "event: more\ndata: {more}\n\n");
    }
    frames.into()
}
