//! Messages in the visitor's language: the site's translations, asked when a message is shown.

use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;

use crate::Message;

/// By this key a translator is asked how many more messages there were; the argument `count` says it.
const MORE_KEY: &str = "salver-more";

/// What a message says in another language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    text: String,
    title: Option<String>,
    action: Option<String>,
}

impl Translation {
    /// Takes the text. The title and the label of the link stay as they are, unless they are given.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Takes the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Takes the label of the link.
    #[must_use]
    pub fn action(mut self, label: impl Into<String>) -> Self {
        self.action = Some(label.into());
        self
    }
}

impl<T: Into<String>> From<T> for Translation {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

type Translate = dyn Fn(&Message) -> Option<Translation>;
type CreateTranslator = dyn Fn(&HttpRequest) -> Translator;

/// What knows the languages of the site, if anything does.
#[derive(Clone, Default)]
pub(crate) struct TranslatorFactory(Option<Rc<CreateTranslator>>);

impl TranslatorFactory {
    pub(crate) fn new<F, T>(of: F) -> Self
    where
        F: Fn(&HttpRequest) -> T + 'static,
        T: Fn(&Message) -> Option<Translation> + 'static,
    {
        Self(Some(Rc::new(move |request| {
            Translator(Some(Rc::new(of(request))))
        })))
    }

    /// Gives the visitor's language.
    pub(crate) fn translator(&self, request: &HttpRequest) -> Translator {
        let of = self.0.as_ref();
        of.map_or_else(Translator::default, |of| of(request))
    }
}

impl fmt::Debug for TranslatorFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_there = self.0.is_some();
        f.debug_tuple("Translator").field(&is_there).finish()
    }
}

/// One visitor's language; by default that in which messages were written.
#[derive(Clone, Default)]
pub(crate) struct Translator(Option<Rc<Translate>>);

impl Translator {
    /// Gives a message as the visitor is to read it: as it was written where there is no translation.
    pub(crate) fn translate(&self, message: &Message) -> Message {
        let translation = self.translated(message);
        translation.unwrap_or_else(|| message.clone())
    }

    pub(crate) fn translate_all(&self, messages: &[Message]) -> Vec<Message> {
        messages
            .iter()
            .map(|message| self.translate(message))
            .collect()
    }

    /// Says how many more there were.
    pub(crate) fn more(&self, displaced: u64) -> String {
        let more = Message::info(format!("and {displaced} more"));
        let more = more.key(MORE_KEY).arg("count", displaced);
        self.translate(&more).text().to_owned()
    }

    fn translated(&self, message: &Message) -> Option<Message> {
        message.get_key()?;
        let translation = self.0.as_ref()?(message)?;
        let translated = message.clone().with_translation(
            translation.text,
            translation.title,
            translation.action,
        );
        if let Err(error) = translated.validate() {
            tracing::warn!(%error, key = message.get_key(), "translation is invalid; the message is shown in its original language");
            return None;
        }
        Some(translated)
    }
}
