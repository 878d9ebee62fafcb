//! What is shown: a message, its id and its parts.

mod action;
mod autoclose;
mod data;
mod format;
mod id;
mod level;
mod limits;
mod translation_key;

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::Error;
use crate::validate::{is_unreserved, too_long, validate_line, validate_text};

pub use self::action::Action;
pub use self::autoclose::Autoclose;
pub use self::format::Format;
pub use self::id::MessageId;
pub use self::level::Level;
pub use self::limits::{
    MAX_DATA, MAX_DELAY, MAX_DEPTH, MAX_KEY, MAX_LABEL, MAX_MESSAGE, MAX_TAG, MAX_TEXT, MAX_TITLE,
    MAX_URL,
};
pub(crate) use self::translation_key::TranslationKey;

/// One message, built by chaining and checked by the call that uses it.
///
/// Building never fails. The first thing wrong with a message comes out of the call that adds or
/// shows it, naming the field and the limit, before any round trip.
///
/// The id is taken when the message is built. Adding the same message twice, say in a retry, makes
/// one; messages that one process builds are shown in the order in which it built them.
///
/// `Debug` leaves the words out: they belong to the visitor, not to a log.
///
/// ```
/// use std::time::Duration;
/// use salver::Message;
///
/// let message = Message::success("120 icons are ready.")
///     .title("Import")
///     .tag("import")                                // takes the place of what "import" said before
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
    /// Boxed: few messages have it.
    pub(crate) translation: Option<Box<TranslationKey>>,
    delay: Duration,
    data_failed: bool,
}

impl Message {
    /// Builds a message of a level. `text`: 1 byte to 4 KiB, no control characters but tab and line feed;
    /// the line ends of forms, CR LF, become line feeds.
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

    /// Builds a message of [`Level::Debug`].
    #[must_use]
    pub fn debug(text: impl Into<String>) -> Self {
        Self::new(Level::Debug, text)
    }

    /// Builds a message of [`Level::Info`].
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(Level::Info, text)
    }

    /// Builds a message of [`Level::Success`].
    #[must_use]
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(Level::Success, text)
    }

    /// Builds a message of [`Level::Warning`].
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Level::Warning, text)
    }

    /// Builds a message of [`Level::Error`].
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Level::Error, text)
    }

    /// Sets the id, for a writer that derives it from its own work so that a retry is the same message.
    #[must_use]
    pub fn with_id(mut self, id: MessageId) -> Self {
        self.id = id;
        self
    }

    /// Sets a headline. One line, at most 256 bytes. Default: none.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the tag: a later message with the same tag in the same context takes the place of this one.
    ///
    /// 1 to 64 characters out of `A-Z a-z 0-9 - . _ ~`, as a stored message is searched for it byte by
    /// byte. Default: none. After the tag of the [Notifications API](https://notifications.spec.whatwg.org/#tag).
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Says that the text is Markdown. It is drawn by the feature `markdown`; links get
    /// `rel="noopener nofollow"`, and what could run or load anything is removed. Default: plain text.
    #[must_use]
    pub fn markdown(mut self) -> Self {
        self.format = Format::Markdown;
        self
    }

    /// Sets when an open page takes the message away: 500 ms to 24 hours. Default:
    /// [`Autoclose::ByLevel`].
    #[must_use]
    pub fn autoclose(mut self, autoclose: impl Into<Autoclose>) -> Self {
        self.autoclose = autoclose.into();
        self
    }

    /// Adds a link. `label`: one line, at most 128 bytes; `url`: `http`, `https` or a path that begins
    /// with one slash, at most 2,048 bytes. Default: none.
    #[must_use]
    pub fn action(mut self, label: impl Into<String>, url: impl Into<String>) -> Self {
        self.action = Some(Action::new(label.into(), url.into()));
        self
    }

    /// Attaches any JSON for the template or the page script, at most 4 KiB. Default: none.
    #[must_use]
    pub fn data(mut self, data: impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(value) => self.data = Some(value),
            Err(_) => self.data_failed = true,
        }
        self
    }

    /// Names the text in the site's translations: where it has a
    /// [translator](crate::web::Middleware::translate), the message is drawn in the visitor's language when it is
    /// shown, and as its text where there is no translation. Default: none.
    ///
    /// ```
    /// use salver::Message;
    ///
    /// let done = Message::success("120 icons are ready.").key("import-done").arg("count", 120);
    /// ```
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.translation.get_or_insert_default().key = key.into();
        self
    }

    /// Puts something into the translation, such as a number or a name: any JSON, all together at most 4 KiB.
    #[must_use]
    pub fn arg(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.translation
            .get_or_insert_default()
            .arg(name.into(), value);
        self
    }

    /// Gives the same message in other words.
    #[cfg(feature = "web")]
    pub(crate) fn with_translation(
        mut self,
        text: String,
        title: Option<String>,
        label: Option<String>,
    ) -> Self {
        self.text = normalize_line_endings(text);
        self.title = title.or(self.title);
        if let (Some(action), Some(label)) = (&self.action, label) {
            self.action = Some(Action::new(label, action.url().to_owned()));
        }
        self
    }

    /// Sets the moment from which the message is no longer worth showing. Default: the age limit of the
    /// [`Salver`](crate::Salver) alone.
    #[must_use]
    pub fn expires_at(mut self, moment: OffsetDateTime) -> Self {
        let millis = moment.unix_timestamp_nanos() / 1_000_000;
        self.expires_at = Some(u64::try_from(millis).unwrap_or(0));
        self
    }

    /// Holds the message back: it may be shown this long after the add, by the store's clock. At most
    /// the age limit (24 hours by default). Default: at once.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Gives the id.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// Gives the level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Gives the headline.
    #[must_use]
    pub fn get_title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Gives the text as it was written: escape it, or let [`Pending::html`](crate::Pending::html) draw it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives how the text is written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Gives the tag.
    #[must_use]
    pub fn get_tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Gives the milliseconds after which an open page takes it away, if it does.
    #[must_use]
    pub fn autoclose_millis(&self) -> Option<u64> {
        self.autoclose.millis(self.level)
    }

    /// Gives the link.
    #[must_use]
    pub fn get_action(&self) -> Option<&Action> {
        self.action.as_ref()
    }

    /// Gives the attached JSON.
    #[must_use]
    pub fn get_data(&self) -> Option<&Value> {
        self.data.as_ref()
    }

    /// Gives the key of the text in the site's translations.
    #[must_use]
    pub fn get_key(&self) -> Option<&str> {
        Some(&self.translation.as_ref()?.key)
    }

    /// Gives what is put into the translation.
    pub fn args(&self) -> impl Iterator<Item = (&str, &Value)> {
        let args = self
            .translation
            .iter()
            .flat_map(|translation| &translation.args);
        args.map(|(name, value)| (name.as_str(), value))
    }

    /// Gives how long after its add it may be shown; what is read back from a store says zero.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// Tells whether its own deadline has passed at `unix_ms`, by the clock of the store.
    #[must_use]
    pub fn is_expired_at(&self, unix_ms: u64) -> bool {
        self.expires_at.is_some_and(|moment| moment <= unix_ms)
    }

    /// Checks every part, and the whole.
    ///
    /// # Errors
    ///
    /// The first part that is refused: an empty or over-long text, title, tag, label or link; a control
    /// character; a link such as `javascript:alert(1)`; `data` over 4 KiB or that is not JSON; an
    /// autoclose of 1 ms; a delay of a year. [`Error::field`] names it.
    pub fn validate(&self) -> Result<(), Error> {
        validate_text("text", &self.text, MAX_TEXT)?;
        if let Some(title) = &self.title {
            validate_line("title", title, MAX_TITLE)?;
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
        if data::depth(data) > MAX_DEPTH {
            return Err(Error::invalid(
                "data",
                format!("is nested more than {MAX_DEPTH} deep"),
            ));
        }
        if data.to_string().len() > MAX_DATA {
            return Err(too_long("data", MAX_DATA));
        }
        Ok(())
    }
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

fn normalize_line_endings(text: String) -> String {
    if text.contains("\r\n") {
        text.replace("\r\n", "\n")
    } else {
        text
    }
}

/// Checks a tag: the one alphabet that needs no escape in a key, in JSON and in HTML.
pub(crate) fn validate_tag(tag: &str) -> Result<(), Error> {
    if tag.is_empty() {
        return Err(Error::invalid("tag", "is empty"));
    }
    if tag.len() > MAX_TAG {
        return Err(too_long("tag", MAX_TAG));
    }
    if !tag.bytes().all(is_unreserved) {
        return Err(Error::invalid(
            "tag",
            "has a character other than A-Z a-z 0-9 - . _ ~",
        ));
    }
    Ok(())
}
