//! The words of the pages of the links in mails, which the translator of the site can replace by their keys.

use actix_web::HttpRequest;

use crate::Message;
#[cfg(feature = "events")]
use crate::events::Subscription;
use crate::mail::unsubscribe::Unsubscribe;
use crate::mail::web::shown::Shown;
use crate::mail::words::{kind_name, words};
use crate::web::request::state::RequestState;
use crate::web::translation::Translator;

/// The words of a page in the language of the visitor.
pub(super) struct PageWords(Translator);

words! {
    PageWords {
        language => "language", "en";
        direction => "direction", "ltr";
        unsubscribe => "unsubscribe", "Unsubscribe";
        unsubscribed => "unsubscribed", "You are unsubscribed";
        undo => "undo", "Undo";
        undone => "undone", "E-mails are sent again";
        invalid => "link-invalid", "This link does not work";
        invalid_help => "link-invalid-help", "It may have been cut off. Open the link in the e-mail, or copy the whole address.";
        failed => "failed", "That did not work";
        failed_help => "failed-help", "Try again in a minute.";
        retry => "retry", "Try again";
    }
}

impl PageWords {
    /// Returns the words for the visitor of a request; without Salver's middleware those in English.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let state = RequestState::find(request);
        let translator = state.map(|state| state.translator(request).clone());
        Self(translator.unwrap_or_default())
    }

    pub(super) fn text(&self, message: &Message) -> String {
        self.0.text(message)
    }

    /// Returns the question before what is unsubscribed from.
    pub(super) fn ask(&self, shown: &Shown<'_>) -> String {
        self.about(shown, "unsubscribe-from", "Stop e-mails to")
    }

    /// Returns what has stopped, before its names.
    pub(super) fn done(&self, shown: &Shown<'_>) -> String {
        self.about(shown, "unsubscribed-from", "There are no more e-mails to")
    }

    fn about(&self, shown: &Shown<'_>, key: &str, text: &str) -> String {
        let (address, count) = (isolated(&shown.unsubscribe.address), shown.count());
        let (things, suffix) = match shown.unsubscribe.kinds.is_empty() {
            true => ("subscriptions", "-subscriptions"),
            false => ("kinds", ""),
        };
        let text = match count {
            1 => format!("{text} {address} about this:"),
            count => format!("{text} {address} about these {count} {things}:"),
        };
        let message = Message::info(text).key(format!("salver-mail-{key}{suffix}"));
        self.text(&message.arg("address", address).arg("count", count))
    }

    pub(super) fn ended(&self, unsubscribe: &Unsubscribe) -> String {
        let address = isolated(&unsubscribe.address);
        let text = format!("E-mails to {address} about this have stopped already.");
        self.with_address(&text, "salver-mail-ended", &address)
    }

    pub(super) fn sent_again(&self, unsubscribe: &Unsubscribe) -> String {
        let address = isolated(&unsubscribe.address);
        let text = format!("E-mails to {address} are sent as before.");
        self.with_address(&text, "salver-mail-undone-to", &address)
    }

    pub(super) fn with_address(&self, text: &str, key: &str, address: &str) -> String {
        self.text(&Message::info(text).key(key).arg("address", address))
    }

    /// Returns the name of a kind for people.
    pub(super) fn kind(&self, kind: &str) -> String {
        self.text(&kind_name(kind))
    }

    /// Returns what a subscription is for: its description, else the name of its type for people.
    #[cfg(feature = "events")]
    pub(super) fn subscription(&self, subscription: &Subscription) -> String {
        match subscription.get_description() {
            Some(description) => description.to_owned(),
            None => self.kind(subscription.event_type()),
        }
    }
}

/// Returns a masked address between the characters that isolate its direction, and without a line break after the
/// ellipsis.
pub(super) fn isolated(address: &str) -> String {
    let address = address.replace('…', "…\u{2060}");
    format!("\u{2068}{address}\u{2069}")
}
