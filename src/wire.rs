//! Wire v1: the encoding of one message as one member of a sorted set.
//!
//! The page [storage format](crate::docs::storage_format) describes it. Every later version reads
//! it: fields may be added and never change.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::message::{Action, Autoclose, Format, MAX_MESSAGE_BYTES, TranslationKey};
use crate::{Error, Level, Message, MessageId};

/// The version that this crate writes, and the newest version that it reads.
pub const VERSION: u64 = 1;

/// The beginning of every member; the 36 characters of the id and a quote follow.
const MEMBER_PREFIX: &[u8] = b"{\"id\":\"";
const ID_LEN: usize = 36;
const TAG_PREFIX: &[u8] = b",\"tag\":\"";
const VERSION_PREFIX: &[u8] = b",\"v\":";

/// The reason why a member cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Its `v` is newer than [`VERSION`]. Readers leave it in the store, for processes that can
    /// read it.
    UnsupportedVersion,
    /// Its beginning is wrong, it is not JSON, a field violates a limit, or it is longer than
    /// 8 KiB.
    Malformed,
}

/// The fields at the beginning of a member, which scripts read without decoding the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberHeader<'a> {
    /// The 36 characters of the id.
    pub id: &'a [u8],
    /// The tag, if it immediately follows the id.
    pub tag: Option<&'a [u8]>,
    /// Whether a `v` that immediately follows is newer than [`VERSION`].
    pub is_unsupported: bool,
}

impl MemberHeader<'_> {
    /// Returns the time in the id, its first twelve hexadecimal digits, in Unix milliseconds.
    ///
    /// `None` if these are not hexadecimal digits.
    #[must_use]
    pub fn unix_ms(&self) -> Option<u64> {
        let (high, low) = (self.id.get(..8)?, self.id.get(9..13)?);
        let digits = [high, low].concat();
        u64::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
    }
}

/// Parses the beginning of a member; `None` if it is not `{"id":"`, 36 characters and a quote.
#[must_use]
pub fn member_header(member: &[u8]) -> Option<MemberHeader<'_>> {
    let rest = member.strip_prefix(MEMBER_PREFIX)?;
    let (id, rest) = rest.split_at_checked(ID_LEN)?;
    let mut rest = rest.strip_prefix(b"\"")?;
    let mut tag = None;
    // A member that is cut off in its tag has an id and no tag.
    if let Some(value) = rest.strip_prefix(TAG_PREFIX)
        && let Some(end) = value.iter().position(|byte| *byte == b'"')
    {
        let (text, after) = value.split_at_checked(end)?;
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

/// Encodes a message as a member: compact JSON with the id first and the tag second.
///
/// # Errors
///
/// [`is_invalid`](Error::is_invalid) for a message that [`Message::validate`] rejects, and for a
/// member of more than [`MAX_MESSAGE_BYTES`] bytes.
pub fn encode(message: &Message) -> Result<Vec<u8>, Error> {
    #[cfg(test)]
    ENCODED.with(|count| count.set(count.get() + 1));
    message.validate()?;
    let member = serde_json::to_vec(message).map_err(|cause| {
        Error::invalid("message", "cannot be written as JSON").with_source(cause)
    })?;
    if member.len() > MAX_MESSAGE_BYTES {
        return Err(Error::invalid(
            "message",
            format!("is over the limit of {MAX_MESSAGE_BYTES} bytes"),
        ));
    }
    Ok(member)
}

#[cfg(test)]
thread_local! {
    /// How many messages this thread has encoded.
    pub(crate) static ENCODED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// A valid message and its encoding: an add validates and encodes each message once. `Debug` prints
/// no content.
#[derive(Clone)]
pub struct EncodedMessage {
    message: Message,
    member: Vec<u8>,
}

impl EncodedMessage {
    /// Validates and encodes a message.
    ///
    /// # Errors
    ///
    /// As [`encode`].
    pub fn new(message: Message) -> Result<Self, Error> {
        let member = encode(&message)?;
        Ok(Self { message, member })
    }

    /// Returns the message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Returns the message as [`encode`] writes it.
    #[must_use]
    pub fn member(&self) -> &[u8] {
        &self.member
    }
}

impl fmt::Debug for EncodedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

/// Decodes a member and validates the message.
///
/// # Errors
///
/// [`DecodeError::UnsupportedVersion`] for a `v` greater than 1 immediately after id and tag.
/// [`DecodeError::Malformed`] for `{}`, for an id that is not a UUIDv7, for a `javascript:` link,
/// for more than 8 KiB.
pub fn decode(member: &[u8]) -> Result<Message, DecodeError> {
    match member_header(member) {
        Some(header) if header.is_unsupported => Err(DecodeError::UnsupportedVersion),
        Some(_) if member.len() <= MAX_MESSAGE_BYTES => {
            serde_json::from_slice(member).map_err(|_| DecodeError::Malformed)
        }
        _ => Err(DecodeError::Malformed),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The fields in the order in which they are written. An absent field has its default value.
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
    /// Serialises the fields of wire v1. Templates and the JSON API receive the same fields.
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
    /// Deserialises wire v1 and validates every field, since any program may have written it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = DeserializedMessage::deserialize(deserializer)?;
        if fields.v.unwrap_or(VERSION) > VERSION {
            return Err(serde::de::Error::custom("v is newer than this reader"));
        }
        let mut message = Self::new(fields.level, fields.text).with_id(fields.id);
        message.tag = fields.tag;
        message.title = fields.title;
        message.format = fields.format;
        message.autoclose = fields.autoclose;
        message.action = fields.action;
        message.data = fields.data;
        message.expires_at = fields.expires;
        // Arguments without a key have no meaning.
        let translation = fields.key.map(|key| TranslationKey::new(key, fields.args));
        message.translation = translation.map(Box::new);
        message.validate().map_err(serde::de::Error::custom)?;
        Ok(message)
    }
}

/// `"never"`, `"default"` or milliseconds; an absent field is [`Autoclose::ByLevel`].
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
