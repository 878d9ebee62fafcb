//! Messages in the visitor's language. The site's translator is called when a message is shown.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;

use crate::render::default_level_word;
use crate::{Level, Message, Translation};

/// Key of the text about displaced messages. Its argument `count` is their number.
const MORE_KEY: &str = "salver-more";
/// Key of the word of a level, before the name of the level.
const LEVEL_KEY: &str = "salver-level-";

type Translate = dyn Fn(&Message) -> Option<Translation>;
type CreateTranslator = dyn Fn(&HttpRequest) -> Translator;

/// Creates the translator of each request, if the site has set one.
#[derive(Clone, Default)]
pub(crate) struct TranslatorFactory(Option<Rc<CreateTranslator>>);

impl TranslatorFactory {
    pub(crate) fn new<F, T>(create: F) -> Self
    where
        F: Fn(&HttpRequest) -> T + 'static,
        T: Fn(&Message) -> Option<Translation> + 'static,
    {
        Self(Some(Rc::new(move |request| {
            Translator(Some(Rc::new(create(request))))
        })))
    }

    /// Returns the translator for the visitor of a request.
    pub(crate) fn translator(&self, request: &HttpRequest) -> Translator {
        let create = self.0.as_ref();
        create.map_or_else(Translator::default, |create| create(request))
    }
}

impl fmt::Debug for TranslatorFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_set = self.0.is_some();
        f.debug_tuple("TranslatorFactory").field(&is_set).finish()
    }
}

/// Translates messages into one visitor's language. By default, messages stay as they were written.
#[derive(Clone, Default)]
pub(crate) struct Translator(Option<Rc<Translate>>);

impl Translator {
    /// Returns a message in the visitor's language, or as it was written if there is no
    /// translation.
    pub(crate) fn translate(&self, message: &Message) -> Message {
        let translation = self.translated(message);
        translation.unwrap_or_else(|| message.clone())
    }

    /// Returns the text of a message in the visitor's language.
    pub(crate) fn text(&self, message: &Message) -> String {
        let translation = self.translated(message);
        translation.as_ref().unwrap_or(message).text().to_owned()
    }

    pub(crate) fn translate_all(&self, messages: &[Message]) -> Vec<Message> {
        messages
            .iter()
            .map(|message| self.translate(message))
            .collect()
    }

    /// Returns the text about displaced messages: "and 3 more".
    pub(crate) fn more(&self, displaced: u64) -> String {
        let more = Message::info(format!("and {displaced} more"));
        let more = more.key(MORE_KEY).arg("count", displaced);
        self.text(&more)
    }

    /// Returns the word of a level in the visitor's language; `None` for the default.
    pub(crate) fn level_word(&self, level: Level) -> Option<Cow<'static, str>> {
        // Without a translator, no key has to be built.
        let translate = self.0.as_ref()?;
        let word = Message::info(default_level_word(level)).key(format!("{LEVEL_KEY}{level}"));
        // An empty word is valid: it is omitted.
        Some(translate(&word)?.into_text().into())
    }

    fn translated(&self, message: &Message) -> Option<Message> {
        message.translated(&**self.0.as_ref()?)
    }
}
