//! Wire v1: one message as one member of a sorted set.
//!
//! The format is described in [the data page](crate::docs::data). It is read for ever: what stands
//! here may grow fields, never change one.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::message::{Action, Autoclose, Format, MAX_MESSAGE, TranslationKey};
use crate::{Error, Level, Message, MessageId};

/// The version that this crate writes, and the newest that it reads.
pub const VERSION: u64 = 1;

/// What every member begins with; 36 characters of id and a quote follow.
const MEMBER_PREFIX: &[u8] = b"{\"id\":\"";
const ID_LEN: usize = 36;
const TAG_PREFIX: &[u8] = b",\"tag\":\"";
const VERSION_PREFIX: &[u8] = b",\"v\":";

/// Why a member is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Its `v` is newer than [`VERSION`]: left for those who can read it.
    UnsupportedVersion,
    /// It does not begin as it should, is not JSON, or a field breaks a rule.
    Malformed,
}

/// What scripts see of a member without decoding it: the places at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberHeader<'a> {
    /// The 36 characters of the id.
    pub id: &'a [u8],
    /// The tag, when one follows the id at once.
    pub tag: Option<&'a [u8]>,
    /// Whether the `v` that follows at once is newer than [`VERSION`].
    pub is_unsupported: bool,
}

impl MemberHeader<'_> {
    /// Gives the time in the id, in Unix milliseconds: its first twelve hexadecimal digits.
    #[must_use]
    pub fn unix_ms(&self) -> Option<u64> {
        let (high, low) = (self.id.get(..8)?, self.id.get(9..13)?);
        let digits = [high, low].concat();
        u64::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
    }
}

/// Looks at the places at the beginning of a member; `None` when it does not begin as it should.
#[must_use]
pub fn member_header(member: &[u8]) -> Option<MemberHeader<'_>> {
    let rest = member.strip_prefix(MEMBER_PREFIX)?;
    let (id, rest) = rest.split_at_checked(ID_LEN)?;
    let mut rest = rest.strip_prefix(b"\"")?;
    let mut tag = None;
    // One that is cut off in its tag has none, and still has its id.
    if let Some(from) = rest.strip_prefix(TAG_PREFIX)
        && let Some(end) = from.iter().position(|byte| *byte == b'"')
    {
        let (text, after) = from.split_at_checked(end)?;
        tag = Some(text);
        rest = after.strip_prefix(b"\"")?;
    }
    let is_unsupported = rest.strip_prefix(VERSION_PREFIX).is_some_and(|digits| {
        let end = digits
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(digits.len());
        let digits = digits.get(..end).unwrap_or_default();
        digits != b"" && digits != b"0" && digits != b"1"
    });
    Some(MemberHeader {
        id,
        tag,
        is_unsupported,
    })
}

/// Writes a message as a member: compact JSON, id first, tag second.
///
/// # Errors
///
/// Whatever [`Message::check`] finds, and a message of more than 8 KiB.
pub fn encode(message: &Message) -> Result<Vec<u8>, Error> {
    message.validate()?;
    let member = serde_json::to_vec(message).map_err(|cause| {
        Error::invalid("message", "cannot be written as JSON").with_source(cause)
    })?;
    if member.len() > MAX_MESSAGE {
        return Err(Error::invalid(
            "message",
            format!("is over the limit of {MAX_MESSAGE} bytes"),
        ));
    }
    Ok(member)
}

/// Reads a member.
///
/// # Errors
///
/// [`Undecoded::Newer`] for a `v` over 1 in its place, at once after id and tag; [`Undecoded::Unreadable`] for `{}`, for an id that is not a
/// UUIDv7, for a `javascript:` link, for more than 8 KiB.
pub fn decode(member: &[u8]) -> Result<Message, DecodeError> {
    match member_header(member) {
        Some(header) if header.is_unsupported => Err(DecodeError::UnsupportedVersion),
        Some(_) if member.len() <= MAX_MESSAGE => {
            serde_json::from_slice(member).map_err(|_| DecodeError::Malformed)
        }
        _ => Err(DecodeError::Malformed),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The fields in the order in which they are written; absent means default.
#[derive(Serialize)]
struct SerializedMessage<'a> {
    id: MessageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    v: u64,
    level: Level,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    text: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    format: Format,
    #[serde(skip_serializing_if = "is_default")]
    autoclose: Autoclose,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a Action>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a Map<String, Value>>,
}

impl Serialize for Message {
    /// Writes wire v1, which is also what templates and JSON pages see.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SerializedMessage {
            id: self.id,
            tag: self.tag.as_deref(),
            v: VERSION,
            level: self.level,
            title: self.title.as_deref(),
            text: &self.text,
            format: self.format,
            autoclose: self.autoclose,
            action: self.action.as_ref(),
            data: self.data.as_ref(),
            expires: self.expires_at,
            key: self.get_key(),
            args: self
                .translation
                .as_ref()
                .map(|translation| &translation.args)
                .filter(|args| !args.is_empty()),
        }
        .serialize(serializer)
    }
}

#[derive(Deserialize)]
struct DeserializedMessage<'a> {
    id: MessageId,
    tag: Option<String>,
    v: Option<u64>,
    #[serde(default)]
    level: Level,
    title: Option<String>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default)]
    format: Format,
    #[serde(default)]
    autoclose: Autoclose,
    action: Option<Action>,
    data: Option<Value>,
    expires: Option<u64>,
    key: Option<String>,
    #[serde(default)]
    args: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Message {
    /// Reads wire v1 and checks every part, since anybody may have written it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = DeserializedMessage::deserialize(deserializer)?;
        if read.v.unwrap_or(VERSION) > VERSION {
            return Err(serde::de::Error::custom("v is newer than this reader"));
        }
        let mut message = Self::new(read.level, read.text).with_id(read.id);
        message.tag = read.tag;
        message.title = read.title;
        message.format = read.format;
        message.autoclose = read.autoclose;
        message.action = read.action;
        message.data = read.data;
        message.expires_at = read.expires;
        // Arguments of nothing mean nothing.
        let translation = read.key.map(|key| TranslationKey::new(key, read.args));
        message.translation = translation.map(Box::new);
        message.validate().map_err(serde::de::Error::custom)?;
        Ok(message)
    }
}

/// `"never"`, or milliseconds; absent is [`Autoclose::ByLevel`].
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum AutocloseRepr {
    Name(AutocloseName),
    Millis(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AutocloseName {
    Default,
    Never,
}

impl Serialize for Autoclose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::ByLevel => AutocloseRepr::Name(AutocloseName::Default),
            Self::Never => AutocloseRepr::Name(AutocloseName::Never),
            Self::After(time) => {
                AutocloseRepr::Millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
            }
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Autoclose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match AutocloseRepr::deserialize(deserializer)? {
            AutocloseRepr::Name(AutocloseName::Default) => Self::ByLevel,
            AutocloseRepr::Name(AutocloseName::Never) => Self::Never,
            AutocloseRepr::Millis(millis) => Self::After(Duration::from_millis(millis)),
        })
    }
}
