//! The words of the page by which people unsubscribe, which the translator of the site can replace by their keys.

use actix_web::HttpRequest;

use crate::Message;
use crate::mail::unsubscribe::Unsubscribe;
use crate::mail::words::words;
use crate::web::request::state::RequestState;
use crate::web::translation::Translator;

/// The words of the page in the language of the visitor.
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
        failed_help => "failed-help", "Nothing was changed. Try again in a minute.";
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

    fn text(&self, message: &Message) -> String {
        self.0.translate(message).text().to_owned()
    }

    /// Returns the question before the kinds.
    pub(super) fn ask(&self, unsubscribe: &Unsubscribe) -> String {
        self.about(unsubscribe, "unsubscribe-from", "Stop e-mails to")
    }

    /// Returns what has stopped, before the kinds.
    pub(super) fn done(&self, unsubscribe: &Unsubscribe) -> String {
        self.about(
            unsubscribe,
            "unsubscribed-from",
            "There are no more e-mails to",
        )
    }

    fn about(&self, unsubscribe: &Unsubscribe, key: &str, text: &str) -> String {
        let (address, count) = (address(unsubscribe), unsubscribe.kinds.len());
        let text = match count {
            1 => format!("{text} {address} about this:"),
            count => format!("{text} {address} about these {count} kinds:"),
        };
        let message = Message::info(text).key(format!("salver-mail-{key}"));
        self.text(&message.arg("address", address).arg("count", count))
    }

    pub(super) fn sent_again(&self, unsubscribe: &Unsubscribe) -> String {
        let address = address(unsubscribe);
        let text = format!("E-mails to {address} are sent as before.");
        let message = Message::info(text).key("salver-mail-undone-to");
        self.text(&message.arg("address", address))
    }

    /// Returns the name of a kind for people.
    pub(super) fn kind(&self, kind: &str) -> String {
        let message = Message::info(kind);
        self.text(&message.key(format!("salver-mail-kind-{kind}")))
    }
}

/// Returns the address between the characters that isolate its direction, and without a line break after the
/// ellipsis.
fn address(unsubscribe: &Unsubscribe) -> String {
    let address = unsubscribe.address.replace('…', "…\u{2060}");
    format!("\u{2068}{address}\u{2069}")
}
