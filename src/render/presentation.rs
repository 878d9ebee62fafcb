//! What a site decides about rendered messages: the language and the CSS classes.

use std::borrow::Cow;

use crate::Level;

/// A part of a rendered message, for which a site can set its own CSS classes.
///
/// Passed to the closure of `Middleware::classes`.
///
/// | part | element | default class |
/// |---|---|---|
/// | `Message` | the `<li>` of a message | `salver-message salver-{level}` |
/// | `Level` | the word of the level, such as "Error:" | `salver-level`, visible to screen readers only |
/// | `Title` | the `<strong>` of the title | none |
/// | `Text` | the text | `salver-text` |
/// | `Action` | the `<a>` of the action | `salver-action` |
/// | `Close` | the `<button>` that the page script adds | `salver-close` |
/// | `More` | the `<li>` of "and 3 more" | `salver-more` |
#[cfg_attr(
    not(feature = "web"),
    expect(unreachable_pub, reason = "only `web` exports it")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The item of a message.
    Message,
    /// The word of the level, such as "Error:".
    Level,
    /// The title.
    Title,
    /// The text.
    Text,
    /// The link of the action.
    Action,
    /// The button that the page script adds.
    Close,
    /// The item "and 3 more".
    More,
}

/// What a site decides about rendered messages. By default: English, and the classes that the
/// stylesheet uses.
pub(crate) trait Presentation {
    /// Returns the text about displaced messages.
    fn more(&self, displaced: u64) -> String {
        format!("and {displaced} more")
    }

    /// Returns the word of a level, for people who do not see its colour and icon.
    fn level_word(&self, level: Level) -> Cow<'static, str> {
        default_level_word(level).into()
    }

    /// Returns the classes of a part that replace the default; `None` for the default.
    fn classes(&self, _level: Level, _part: Part) -> Option<&'static str> {
        None
    }
}

/// The default presentation.
pub(crate) struct DefaultPresentation;

impl Presentation for DefaultPresentation {}

/// Returns the English word of a level.
pub(crate) fn default_level_word(level: Level) -> &'static str {
    match level {
        Level::Debug => "Debug:",
        Level::Info => "Info:",
        Level::Success => "Success:",
        Level::Warning => "Warning:",
        Level::Error => "Error:",
    }
}
