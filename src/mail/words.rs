//! The words of mails, which the translator of the site can replace by their keys.

use std::sync::Arc;

#[cfg(feature = "events")]
use crate::events::Subscription;
use crate::{Message, Translation};

/// Translates a message into one language.
type Translate = dyn Fn(&Message) -> Option<Translation> + Send + Sync;
/// Returns the translator of a language.
type CreateTranslator = dyn Fn(&str) -> Arc<Translate> + Send + Sync;

/// The translators of the site. By default, messages stay as they were written.
#[derive(Clone, Default)]
pub(super) struct Translators(Option<Arc<CreateTranslator>>);

impl Translators {
    pub(super) fn new<F, T>(create: F) -> Self
    where
        F: Fn(&str) -> T + Send + Sync + 'static,
        T: Fn(&Message) -> Option<Translation> + Send + Sync + 'static,
    {
        Self(Some(Arc::new(move |locale| Arc::new(create(locale)))))
    }

    /// Returns the words in a language; without a locale, in that of the site.
    pub(super) fn words(&self, locale: Option<&str>) -> Words {
        let create = self.0.as_ref().zip(locale);
        Words(create.map(|(create, locale)| create(locale)))
    }
}

/// The words of a mail in the language of the recipient.
pub(super) struct Words(Option<Arc<Translate>>);

/// Defines one function of a type for each text without arguments: its key, which follows `salver-mail-`, and the
/// English text.
macro_rules! words {
    ($words:ident { $($name:ident => $key:literal, $text:literal;)* }) => {
        impl $words {
            $(pub(super) fn $name(&self) -> String {
                self.text(&Message::info($text).key(concat!("salver-mail-", $key)))
            })*
        }
    };
}
#[cfg(feature = "web")]
pub(super) use words;

words! {
    Words {
        language => "language", "en";
        direction => "direction", "ltr";
        unsubscribe => "unsubscribe", "Unsubscribe";
    }
}

#[cfg(feature = "events")]
words! {
    Words {
        activate => "activate", "Activate";
        activate_subscription => "activate-subscription", "Activate your subscription";
        activation_help => "activation-help", "The link works for 7 days. If it was not you, do nothing.";
    }
}

impl Words {
    /// Returns a message in the language of the recipient, or as it was written.
    pub(super) fn translate(&self, message: &Message) -> Message {
        let translated = self
            .0
            .as_ref()
            .and_then(|translate| message.translated(&**translate));
        translated.unwrap_or_else(|| message.clone())
    }

    pub(super) fn text(&self, message: &Message) -> String {
        self.translate(message).text().to_owned()
    }

    /// Returns the subject of a mail about several notifications.
    pub(super) fn subject(&self, count: u64) -> String {
        let text = match count {
            1 => "1 new notification".to_owned(),
            count => format!("{count} new notifications"),
        };
        self.text(&counted(text, "salver-mail-subject", count))
    }

    /// Returns for which subscriptions the recipient gets the mail.
    pub(super) fn follows(&self, subscriptions: &str) -> String {
        let text = format!("You get this because you follow: {subscriptions}.");
        let message = Message::info(text).key("salver-mail-follows");
        self.text(&message.arg("subscriptions", subscriptions))
    }

    /// Returns who gets the mail, and from which site.
    pub(super) fn reason(&self, address: &str, host: &str) -> String {
        let text = format!("This e-mail was sent to {address} by {host}.");
        let message = Message::info(text).key("salver-mail-reason");
        self.text(&message.arg("address", address).arg("site", host))
    }
}

#[cfg(feature = "events")]
impl Words {
    /// Returns what a subscription is for: its description, else the name of its type for people.
    pub(super) fn subscription(&self, subscription: &Subscription) -> String {
        match subscription.get_description() {
            Some(description) => description.to_owned(),
            None => self.text(&kind_name(subscription.event_type())),
        }
    }

    /// Returns why a mail with an activation was sent.
    pub(super) fn requested(&self, subscription: &str, address: &str, host: &str) -> String {
        let text = format!(
            "Someone, probably you, asked {host} to e-mail {address} about: {subscription}."
        );
        let message = Message::info(text).key("salver-mail-activation-requested");
        let message = message.arg("subscription", subscription);
        self.text(&message.arg("address", address).arg("site", host))
    }
}

/// Returns the message of which a translation is the name of a kind.
#[cfg(any(feature = "web", feature = "events"))]
pub(super) fn kind_name(kind: &str) -> Message {
    Message::info(kind).key(format!("salver-mail-kind-{kind}"))
}

fn counted(text: String, key: &str, count: u64) -> Message {
    Message::info(text).key(key).arg("count", count)
}
