//! How a site presents messages: in the visitor's language, with the site's own CSS classes.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use crate::Level;
use crate::render::{Part, Presentation, default_level_word};
use crate::web::translation::Translator;

type ClassesOf = dyn Fn(Level, Part) -> Option<&'static str>;

/// The CSS classes that a site has set.
#[derive(Clone, Default)]
pub(crate) struct Classes(Option<Rc<ClassesOf>>);

impl Classes {
    pub(crate) fn new(classes: impl Fn(Level, Part) -> Option<&'static str> + 'static) -> Self {
        Self(Some(Rc::new(classes)))
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Classes").field(&self.0.is_some()).finish()
    }
}

/// The presentation of a site for one visitor.
pub(crate) struct SitePresentation<'a> {
    pub(crate) translator: &'a Translator,
    pub(crate) classes: &'a Classes,
}

impl Presentation for SitePresentation<'_> {
    fn more(&self, displaced: u64) -> String {
        self.translator.more(displaced)
    }

    fn level_word(&self, level: Level) -> Cow<'static, str> {
        self.translator
            .level_word(level)
            .unwrap_or_else(|| default_level_word(level).into())
    }

    fn classes(&self, level: Level, part: Part) -> Option<&'static str> {
        self.classes.0.as_ref()?(level, part)
    }
}
