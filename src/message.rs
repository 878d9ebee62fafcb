//! What is shown: a message, its id and its parts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, Level};

/// Longest text in bytes. Stops one message from filling the page, or the memory of the store.
pub const MAX_TEXT: usize = 4096;
/// Longest title in bytes. Stops a headline from pushing the text out of sight.
pub const MAX_TITLE: usize = 256;
/// Longest tag in bytes. Scripts compare tags of every message of a context.
pub const MAX_TAG: usize = 64;
/// Longest label of an action in bytes. It has to fit on a button.
pub const MAX_LABEL: usize = 128;
/// Longest link of an action in bytes, what browsers are sure to take.
pub const MAX_URL: usize = 2048;
/// Most JSON in `data`, in bytes. Stops messages from being used as a database.
pub const MAX_DATA: usize = 4096;
/// Largest message in bytes, as stored. Bounds what one look has to carry: 100 of them.
pub const MAX_MESSAGE: usize = 8192;
/// Longest delay of a message: 30 days. Stops a slip of units from keeping a key for ever.
pub const MAX_DELAY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Shortest and longest autoclose. Nobody reads faster; after a day the page is gone.
const AUTOCLOSE: std::ops::RangeInclusive<u64> = 500..=24 * 60 * 60 * 1000;

/// Which message this is: a UUIDv7, so that ids sort by the time at which they were made.
///
/// Within one process ids are strictly increasing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

impl MessageId {
    /// Makes the id of a message that comes into being now.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an id is never a default value")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Gives the time in the id, in Unix milliseconds by the clock of its writer.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        let (high, _) = self.0.as_u64_pair();
        high >> 16
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<Uuid> for MessageId {
    type Error = Error;

    /// Takes a UUIDv7; any other version is refused, since ids have to sort by time.
    fn try_from(uuid: Uuid) -> Result<Self, Error> {
        if uuid.get_version_num() == 7 {
            Ok(Self(uuid))
        } else {
            Err(Error::invalid("id", "is not a UUIDv7"))
        }
    }
}

impl FromStr for MessageId {
    type Err = Error;

    /// Reads the 36 characters of a hyphenated UUIDv7 in lower case, its one spelling.
    fn from_str(text: &str) -> Result<Self, Error> {
        let uuid = Uuid::try_parse(text)
            .map_err(|cause| Error::invalid("id", "is not a UUIDv7").because(cause))?;
        let id = Self::try_from(uuid)?;
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(Error::invalid(
                "id",
                "is not spelled in lower case with hyphens",
            ))
        }
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How the text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Characters, shown as they are.
    #[default]
    Plain,
    /// Markdown, drawn and sanitised with the feature `markdown`, shown as it is without.
    Markdown,
}

/// When an open page takes the message away by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Autoclose {
    /// What suits the level: errors and warnings stay, everything else goes after 5 seconds.
    #[default]
    ByLevel,
    /// It stays until the visitor closes it.
    Never,
    /// It goes after this time: 500 ms to 24 hours, in whole milliseconds.
    After(Duration),
}

impl Autoclose {
    /// What [`Autoclose::ByLevel`] means for messages that may go by themselves.
    const BY_LEVEL: u64 = 5000;

    /// Gives the milliseconds after which a message of this level goes, if it does.
    #[must_use]
    pub fn millis(self, level: Level) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::ByLevel => (level < Level::Warning).then_some(Self::BY_LEVEL),
            Self::After(time) => Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// One thing that the visitor can do about it: a link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    label: String,
    url: String,
}

impl Action {
    /// Gives the words on the link.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Gives where it leads: an `http` or `https` address, or a path of this site.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    fn check(&self) -> Result<(), Error> {
        check_line("action.label", &self.label, MAX_LABEL)?;
        check_line("action.url", &self.url, MAX_URL)?;
        if is_link(&self.url) {
            Ok(())
        } else {
            Err(Error::invalid(
                "action.url",
                "is neither an http or https address nor a path that begins with one slash",
            ))
        }
    }
}

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
    pub(crate) expires: Option<u64>,
    delay: Duration,
    data_failed: bool,
}

impl Message {
    /// Builds a message of a level. `text`: 1 byte to 4 KiB, no control characters but tab and line feed.
    #[must_use]
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        Self {
            id: MessageId::new(),
            tag: None,
            level,
            title: None,
            text: text.into(),
            format: Format::Plain,
            autoclose: Autoclose::ByLevel,
            action: None,
            data: None,
            expires: None,
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
        self.action = Some(Action {
            label: label.into(),
            url: url.into(),
        });
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

    /// Sets the moment from which the message is no longer worth showing. Default: the age limit of the
    /// [`Salver`](crate::Salver) alone.
    #[must_use]
    pub fn expires(mut self, moment: OffsetDateTime) -> Self {
        let millis = moment.unix_timestamp_nanos() / 1_000_000;
        self.expires = Some(u64::try_from(millis).unwrap_or(0));
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

    /// Gives how long after its add it may be shown; what is read back from a store says zero.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// Tells whether its own deadline has passed at `unix_ms`, by the clock of the store.
    #[must_use]
    pub fn is_past(&self, unix_ms: u64) -> bool {
        self.expires.is_some_and(|moment| moment <= unix_ms)
    }

    /// Checks every part, and the whole.
    ///
    /// # Errors
    ///
    /// The first part that is refused: an empty or over-long text, title, tag, label or link; a control
    /// character; a link such as `javascript:alert(1)`; `data` over 4 KiB or that is not JSON; an
    /// autoclose of 1 ms; a delay of a year. [`Error::field`] names it.
    pub fn check(&self) -> Result<(), Error> {
        check_text("text", &self.text, MAX_TEXT)?;
        if let Some(title) = &self.title {
            check_line("title", title, MAX_TITLE)?;
        }
        if let Some(tag) = &self.tag {
            check_tag(tag)?;
        }
        if let Some(action) = &self.action {
            action.check()?;
        }
        self.check_data()?;
        if let Autoclose::After(time) = self.autoclose
            && !AUTOCLOSE.contains(&u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        {
            return Err(Error::invalid(
                "autoclose",
                "is not between 500 ms and 24 hours",
            ));
        }
        if self.delay > MAX_DELAY {
            return Err(Error::invalid("after", "is over the limit of 30 days"));
        }
        Ok(())
    }

    fn check_data(&self) -> Result<(), Error> {
        if self.data_failed {
            return Err(Error::invalid("data", "cannot be written as JSON"));
        }
        let Some(data) = &self.data else {
            return Ok(());
        };
        if data.to_string().len() > MAX_DATA {
            return Err(over("data", MAX_DATA));
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

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").finish_non_exhaustive()
    }
}

impl From<Duration> for Autoclose {
    fn from(time: Duration) -> Self {
        Self::After(time)
    }
}

fn over(field: &'static str, limit: usize) -> Error {
    Error::invalid(field, format!("is over the limit of {limit} bytes"))
}

/// Checks one line of words: not empty, no control character, within the limit.
pub(crate) fn check_line(field: &'static str, line: &str, limit: usize) -> Result<(), Error> {
    check_words(field, line, limit, char::is_control)
}

fn check_text(field: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    check_words(field, text, limit, |c| {
        c.is_control() && !matches!(c, '\n' | '\t')
    })
}

fn check_words(
    field: &'static str,
    words: &str,
    limit: usize,
    refused: impl Fn(char) -> bool,
) -> Result<(), Error> {
    if words.trim().is_empty() {
        return Err(Error::invalid(field, "is empty"));
    }
    if words.len() > limit {
        return Err(over(field, limit));
    }
    if words.contains(refused) {
        return Err(Error::invalid(field, "has a control character"));
    }
    Ok(())
}

/// Checks a tag: the one alphabet that needs no escape in a key, in JSON and in HTML.
pub(crate) fn check_tag(tag: &str) -> Result<(), Error> {
    if tag.is_empty() {
        return Err(Error::invalid("tag", "is empty"));
    }
    if tag.len() > MAX_TAG {
        return Err(over("tag", MAX_TAG));
    }
    if !tag.bytes().all(crate::context::is_unreserved) {
        return Err(Error::invalid(
            "tag",
            "has a character other than A-Z a-z 0-9 - . _ ~",
        ));
    }
    Ok(())
}

/// Tells whether a link leads to the web or to this site, as a browser would read it.
///
/// A path is resolved against an address, since browsers take `//host`, `/\host` and paths with tabs
/// in them for other hosts.
fn is_link(link: &str) -> bool {
    if !link.starts_with('/') {
        return url::Url::parse(link).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.username().is_empty()
        });
    }
    let Ok(site) = url::Url::parse("https://site.invalid/") else {
        return false;
    };
    site.join(link)
        .is_ok_and(|url| url.origin() == site.origin())
        && !link.contains('\\')
}
