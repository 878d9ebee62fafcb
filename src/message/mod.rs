//! A message: its id, its fields and their limits.

mod action;
mod autoclose;
mod data;
mod format;
mod id;
mod level;
mod limits;
#[cfg(any(feature = "web", feature = "mail"))]
mod translation;
mod translation_key;

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::Error;
use crate::validate::{too_long, validate_line, validate_name, validate_text};

pub use self::action::Action;
pub use self::autoclose::Autoclose;
#[cfg(feature = "events")]
pub(crate) use self::data::depth as data_depth;
pub use self::format::Format;
pub use self::id::MessageId;
pub use self::level::Level;
pub use self::limits::{
    MAX_DATA_BYTES, MAX_DATA_DEPTH, MAX_DELAY, MAX_KEY_BYTES, MAX_LABEL_BYTES, MAX_MESSAGE_BYTES,
    MAX_TAG_BYTES, MAX_TEXT_BYTES, MAX_TITLE_BYTES, MAX_URL_BYTES,
};
#[cfg(any(feature = "web", feature = "mail"))]
pub use self::translation::Translation;
pub(crate) use self::translation_key::TranslationKey;

/// One message, built by chained setters and validated by the call that uses it.
///
/// Building never fails. The call that adds or shows the message validates it before any round
/// trip. It returns the first error, which names the field and the limit.
///
/// The id is created when the message is built. Adding the same message twice, for example in a
/// retry, stores it once. Messages built in one process are shown in the order in which they were
/// built.
///
/// `Debug` omits the content, so that it does not appear in logs.
///
/// ```
/// use std::time::Duration;
/// use salver::Message;
///
/// let message = Message::success("120 icons are ready.")
///     .title("Import")
///     .tag("import")                                // replaces the earlier message with this tag
///     .action("Look at them", "/uploads")
///     .autoclose(Duration::from_secs(8));
/// assert_eq!(message.text(), "120 icons are ready.");
/// ```
#[derive(Clone, PartialEq)]
pub struct Message {
    pub(crate) id: MessageId,
    pub(crate) tag: Option<String>,
    pub(crate) level: Level,
    pub(crate) title: Option<String>,
    pub(crate) text: String,
    pub(crate) format: Format,
    pub(crate) autoclose: Autoclose,
    pub(crate) action: Option<Action>,
    pub(crate) data: Option<Value>,
    pub(crate) expires_at: Option<u64>,
    /// Boxed, since few messages have a translation key.
    pub(crate) translation: Option<Box<TranslationKey>>,
    delay: Duration,
    /// Whether `data` could not be serialised. Validation reports it.
    data_failed: bool,
}

impl Message {
    /// Builds a message of a level.
    ///
    /// `text`: 1 byte to 4 KiB, not only white space, no control characters except tab and line
    /// feed. CR LF, the line ending of submitted forms, is replaced by a line feed.
    #[must_use]
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        Self {
            id: MessageId::new(),
            tag: None,
            level,
            title: None,
            text: normalize_line_endings(text.into()),
            format: Format::Plain,
            autoclose: Autoclose::ByLevel,
            action: None,
            data: None,
            expires_at: None,
            translation: None,
            delay: Duration::ZERO,
            data_failed: false,
        }
    }

    /// Builds a message of [`Level::Debug`]. `text`: as for [`new`](Self::new).
    #[must_use]
    pub fn debug(text: impl Into<String>) -> Self {
        Self::new(Level::Debug, text)
    }

    /// Builds a message of [`Level::Info`]. `text`: as for [`new`](Self::new).
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(Level::Info, text)
    }

    /// Builds a message of [`Level::Success`]. `text`: as for [`new`](Self::new).
    #[must_use]
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(Level::Success, text)
    }

    /// Builds a message of [`Level::Warning`]. `text`: as for [`new`](Self::new).
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Level::Warning, text)
    }

    /// Builds a message of [`Level::Error`]. `text`: as for [`new`](Self::new).
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Level::Error, text)
    }

    /// Sets the id. Default: a new one.
    ///
    /// For a job that derives the id from its own data, so that a rerun adds the same message
    /// again: [`MessageId::for_job_step`].
    #[must_use]
    pub fn with_id(mut self, id: MessageId) -> Self {
        self.id = id;
        self
    }

    /// Sets the title: one line, 1 to 256 bytes. Default: none.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the tag: a later message with the same tag in the same context replaces this one.
    ///
    /// 1 to 64 characters of `A-Z a-z 0-9 - . _ ~`, since scripts search stored messages for the
    /// tag byte by byte. Default: none. It corresponds to the tag of the
    /// [Notifications API](https://notifications.spec.whatwg.org/#tag).
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Declares the text to be Markdown. Default: plain text.
    ///
    /// The feature `markdown` renders it: links get `rel="noopener nofollow"`, and all HTML that
    /// could run a script or load a resource is removed. Without the feature it is shown as plain
    /// text.
    #[must_use]
    pub fn markdown(mut self) -> Self {
        self.format = Format::Markdown;
        self
    }

    /// Sets when an open page removes the message by itself: an [`Autoclose`], or a duration
    /// of 500 ms to 24 hours.
    ///
    /// Default: [`Autoclose::ByLevel`]. The page script of the feature `live` removes the message.
    /// It never removes an error.
    #[must_use]
    pub fn autoclose(mut self, autoclose: impl Into<Autoclose>) -> Self {
        self.autoclose = autoclose.into();
        self
    }

    /// Sets the link. Default: none.
    ///
    /// - `label`: one line, 1 to 128 bytes.
    /// - `url`: an `http` or `https` URL without credentials, or a path that begins with one slash;
    ///   at most 2,048 bytes.
    #[must_use]
    pub fn action(mut self, label: impl Into<String>, url: impl Into<String>) -> Self {
        self.action = Some(Action::new(label.into(), url.into()));
        self
    }

    /// Attaches JSON for the template or the page script: at most 4 KiB, nested at most 64 deep.
    /// Default: none.
    ///
    /// A value that cannot be serialised is reported when the message is validated.
    #[must_use]
    pub fn data(mut self, data: impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(value) => self.data = Some(value),
            Err(_) => self.data_failed = true,
        }
        self
    }

    /// Sets the key of the text in the translations of the site. Default: none.
    ///
    /// `key`: one line, 1 to 128 bytes. A site with a
    /// [translator](crate::web::Middleware::translate) shows the message in the visitor's language.
    /// If there is no translation, the text of the message is shown.
    ///
    /// ```
    /// use salver::Message;
    ///
    /// let message = Message::success("120 icons are ready.").key("import-done").arg("count", 120);
    /// ```
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.translation.get_or_insert_default().key = key.into();
        self
    }

    /// Sets an argument of the translation, such as a number or a name. Default: none.
    ///
    /// - `name`: one line, 1 to 128 bytes. A second argument of the same name replaces the first.
    /// - `value`: any JSON, nested at most 63 deep. All names and values together have at most
    ///   4 KiB.
    ///
    /// A message with arguments needs a [`key`](Self::key).
    #[must_use]
    pub fn arg(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.translation
            .get_or_insert_default()
            .arg(name.into(), value);
        self
    }

    /// Returns the message in another language; `None` without a key or a valid translation.
    #[cfg(any(feature = "web", feature = "mail"))]
    pub(crate) fn translated(
        &self,
        translate: &dyn Fn(&Self) -> Option<Translation>,
    ) -> Option<Self> {
        let key = self.get_key()?;
        let translation = translate(self)?;
        let mut translated = self.clone();
        translated.text = normalize_line_endings(translation.text);
        translated.title = translation.title.or(translated.title);
        if let (Some(action), Some(label)) = (&translated.action, translation.action) {
            translated.action = Some(Action::new(label, action.url().to_owned()));
        }
        if let Err(error) = translated.validate() {
            tracing::warn!(%error, key, "translation is invalid; the message is shown in its original language");
            return None;
        }
        Some(translated)
    }

    /// Sets the time from which the message is no longer shown, by the clock of the store.
    ///
    /// Rounded down to whole milliseconds. Default: none; only
    /// [`max_age`](crate::SalverBuilder::max_age) applies.
    #[must_use]
    pub fn expires_at(mut self, moment: OffsetDateTime) -> Self {
        let millis = moment.unix_timestamp_nanos() / 1_000_000;
        self.expires_at = Some(u64::try_from(millis).unwrap_or(0));
        self
    }

    /// Delays the message: it becomes visible this long after the add, by the clock of the store.
    ///
    /// At most [`max_age`](crate::SalverBuilder::max_age) minus the
    /// [`lease`](crate::SalverBuilder::lease) (24 hours minus 15 seconds by default). Default:
    /// zero, visible immediately.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// Returns the level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the title.
    #[must_use]
    pub fn get_title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Returns the unescaped text. Escape it, or render it with
    /// [`Pending::html`](crate::Pending::html).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the markup of the text.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the tag.
    #[must_use]
    pub fn get_tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns after how many milliseconds an open page removes the message; `None` if the message
    /// stays.
    #[must_use]
    pub fn autoclose_millis(&self) -> Option<u64> {
        self.autoclose.millis(self.level)
    }

    /// Returns the link.
    #[must_use]
    pub fn get_action(&self) -> Option<&Action> {
        self.action.as_ref()
    }

    /// Returns the attached JSON.
    #[must_use]
    pub fn get_data(&self) -> Option<&Value> {
        self.data.as_ref()
    }

    /// Returns the key of the text in the translations of the site.
    #[must_use]
    pub fn get_key(&self) -> Option<&str> {
        Some(&self.translation.as_ref()?.key)
    }

    /// Returns the arguments of the translation, by name.
    pub fn args(&self) -> impl Iterator<Item = (&str, &Value)> {
        let args = self
            .translation
            .iter()
            .flat_map(|translation| &translation.args);
        args.map(|(name, value)| (name.as_str(), value))
    }

    /// Returns how long after the add the message becomes visible. Zero for a message read from a
    /// store.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// Returns whether the message has expired at `unix_ms`, the time of the clock of the store.
    ///
    /// Only [`expires_at`](Self::expires_at) counts, not `max_age`.
    #[must_use]
    pub fn is_expired_at(&self, unix_ms: u64) -> bool {
        self.expires_at.is_some_and(|moment| moment <= unix_ms)
    }

    /// Validates every field. Every call that adds or shows a message does this.
    ///
    /// The size of the whole message, at most 8 KiB, is checked by the call that adds it.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for the first invalid field, which [`Error::field`] names:
    ///
    /// - a text, title, tag, label, URL or translation key that is empty or too long;
    /// - a control character;
    /// - a URL such as `javascript:alert(1)`;
    /// - `data` or arguments of more than 4 KiB, nested too deep, or not serialisable;
    /// - arguments without a key;
    /// - an autoclose of 1 ms;
    /// - a delay of a year.
    pub fn validate(&self) -> Result<(), Error> {
        #[cfg(test)]
        VALIDATED.with(|count| count.set(count.get() + 1));
        validate_text("text", &self.text, MAX_TEXT_BYTES)?;
        if let Some(title) = &self.title {
            validate_line("title", title, MAX_TITLE_BYTES)?;
        }
        if let Some(tag) = &self.tag {
            validate_tag(tag)?;
        }
        if let Some(action) = &self.action {
            action.validate()?;
        }
        self.validate_data()?;
        if let Some(translation) = &self.translation {
            translation.validate()?;
        }
        self.autoclose.validate()?;
        if self.delay > MAX_DELAY {
            return Err(Error::invalid("after", "is over the limit of 30 days"));
        }
        Ok(())
    }

    fn validate_data(&self) -> Result<(), Error> {
        if self.data_failed {
            return Err(Error::invalid("data", "cannot be written as JSON"));
        }
        let Some(data) = &self.data else {
            return Ok(());
        };
        if data::depth(data) > MAX_DATA_DEPTH {
            return Err(Error::invalid(
                "data",
                format!("is nested more than {MAX_DATA_DEPTH} deep"),
            ));
        }
        if data.to_string().len() > MAX_DATA_BYTES {
            return Err(too_long("data", MAX_DATA_BYTES));
        }
        Ok(())
    }
}

#[cfg(test)]
thread_local! {
    /// How many messages this thread has validated.
    pub(crate) static VALIDATED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("level", &self.level)
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// Replaces CR LF by a line feed.
fn normalize_line_endings(text: String) -> String {
    if text.contains("\r\n") {
        text.replace("\r\n", "\n")
    } else {
        text
    }
}

/// Validates a tag.
pub(crate) fn validate_tag(tag: &str) -> Result<(), Error> {
    validate_name("tag", tag, MAX_TAG_BYTES)
}
