//! The header `Salver-Status`: what a response shows, or why it shows nothing.

use std::cell::{Cell, RefCell};
use std::fmt::Write;

use actix_web::http::header::{HeaderName, HeaderValue};

use crate::View;

/// The name of the header.
pub(crate) const STATUS: HeaderName = HeaderName::from_static("salver-status");

/// Why a response shows no messages. The guide lists the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SkipReason {
    NothingPending,
    NoSession,
    NoSlot,
    NoFrame,
    HeadRequest,
    NotPageRequest,
    FragmentRequest,
    PartialsDisabled,
    StreamedPartial,
    DiscardedPartial,
    NotPageStatus,
    FailedHandler,
    AuthenticationPrompt,
    EmptyBody,
    NotHtml,
    Download,
    CompressedBody,
    StoreFailure,
}

impl SkipReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NothingPending => "nothing pending",
            Self::NoSession => "no session",
            Self::NoSlot => "no slot in the body",
            Self::NoFrame => "no frame in the body",
            Self::HeadRequest => "HEAD request",
            Self::NotPageRequest => "not a page request",
            Self::FragmentRequest => "fragment for a script",
            Self::PartialsDisabled => "partials are disabled",
            Self::StreamedPartial => "streamed partial",
            Self::DiscardedPartial => "discarded by htmx",
            Self::NotPageStatus => "not a page status",
            Self::FailedHandler => "failed handler",
            Self::AuthenticationPrompt => "authentication prompt",
            Self::EmptyBody => "empty body",
            Self::NotHtml => "not HTML",
            Self::Download => "download",
            Self::CompressedBody => "compressed body",
            Self::StoreFailure => "store failure",
        }
    }
}

/// What a response shows, as far as it is known.
#[derive(Default)]
pub(crate) struct ResponseStatus {
    /// The first reason that was found. It does not count if messages are shown after all.
    skipped: Cell<Option<SkipReason>>,
    shown: Cell<usize>,
    /// The view of the page, if it is not that of the request.
    view: RefCell<Option<View>>,
    is_streamed: Cell<bool>,
}

impl ResponseStatus {
    /// Records why messages are not shown.
    pub(crate) fn skip(&self, reason: SkipReason) {
        self.skipped.set(self.skipped.get().or(Some(reason)));
    }

    /// Records why nothing is shown of what a handler may have rendered.
    pub(crate) fn refuse(&self, reason: SkipReason) {
        self.shown.set(0);
        self.skipped.set(Some(reason));
    }

    /// Records how many messages a handler has rendered, as often as it has.
    pub(crate) fn set_shown(&self, count: usize) {
        self.shown.set(count);
    }

    /// Records messages that the response contains.
    pub(crate) fn add_shown(&self, count: usize) {
        self.shown.set(self.shown.get() + count);
    }

    /// Records the view whose messages the response may show.
    pub(crate) fn set_view(&self, view: &View) {
        self.view.replace(Some(view.clone()));
    }

    /// Records that the messages are shown only if the slot follows in the stream.
    pub(crate) fn mark_streamed(&self) {
        self.is_streamed.set(true);
    }

    /// Returns the value of the header, a dictionary of RFC 9651. `view`: that of the request.
    pub(crate) fn header(&self, view: impl FnOnce() -> Option<View>) -> Option<HeaderValue> {
        let mut value = match self.shown.get() {
            0 => {
                let reason = self.skipped.get().unwrap_or(SkipReason::NothingPending);
                format!(r#"skipped; reason="{}""#, reason.as_str())
            }
            count => format!("shown={count}"),
        };
        if let Some(view) = self.view.take().or_else(view) {
            value.push_str(r#"; view=""#);
            write_string(&mut value, view.as_str());
            value.push('"');
        }
        if self.is_streamed.get() && self.shown.get() > 0 {
            value.push_str("; streamed");
        }
        HeaderValue::try_from(value).ok()
    }
}

/// Writes the characters of a string of RFC 9651, which are ASCII. Others are percent-encoded.
fn write_string(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            _ => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    // Writing to a `String` cannot fail.
                    let _ = write!(out, "%{byte:02X}");
                }
            }
        }
    }
}
