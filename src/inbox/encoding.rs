//! The encoding of a notification: wire v1 of its message, followed by its own fields.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

use crate::inbox::notification::{Actor, Notification};
use crate::message::MAX_MESSAGE_BYTES;
use crate::wire::{self, DecodeError};
use crate::{Error, Message, MessageId, Recipient};

/// The position of the id in a member, after `{"id":"`.
const ID: std::ops::Range<usize> = 7..43;

/// The stored fields in the order in which they are written. An absent field has its default value.
#[derive(Serialize)]
pub(super) struct Fields<'a> {
    #[serde(flatten)]
    message: &'a Message,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<ActorFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    subscriptions: &'a [String],
}

#[derive(Serialize, Deserialize)]
struct ActorFields<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
}

impl<'a> Fields<'a> {
    /// Returns the fields of a notification with a message that may differ from its own.
    pub(super) fn of(notification: &'a Notification, message: &'a Message) -> Self {
        let actor = notification.actor.as_ref();
        Self {
            message,
            kind: &notification.kind,
            subject: notification.subject.as_deref(),
            group: notification.group.as_deref(),
            actor: actor.map(|actor| ActorFields {
                id: actor.recipient.as_str().into(),
                name: actor.name.as_str().into(),
            }),
            event: notification.event.as_deref(),
            subscriptions: &notification.subscriptions,
        }
    }
}

impl Serialize for Notification {
    /// Serialises the stored fields, `position` and `unread`. Templates and the JSON API receive
    /// them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Listed<'a> {
            #[serde(flatten)]
            fields: Fields<'a>,
            position: u64,
            unread: bool,
        }
        let fields = Fields::of(self, &self.message);
        Listed {
            fields,
            position: self.position,
            unread: self.is_unread,
        }
        .serialize(serializer)
    }
}

/// A valid notification with its encoding, for any number of recipients.
pub(crate) struct EncodedNotification<'a> {
    notification: &'a Notification,
    member: Vec<u8>,
    /// The member that the actor gets instead.
    for_actor: Option<Vec<u8>>,
}

impl<'a> EncodedNotification<'a> {
    /// Validates and encodes a notification.
    ///
    /// # Errors
    ///
    /// `is_invalid` for an invalid field, and for more than 8 KiB.
    pub(crate) fn new(notification: &'a Notification) -> Result<Self, Error> {
        notification.validate()?;
        let encode = |message| encode(notification, message);
        Ok(Self {
            notification,
            member: encode(&notification.message)?,
            for_actor: notification.message_for_actor().map(encode).transpose()?,
        })
    }

    /// Returns the member that a recipient gets, with the id of theirs.
    pub(super) fn member_for(&self, recipient: &Recipient, id: MessageId) -> Vec<u8> {
        let actor = self.notification.actor.as_ref();
        let is_actor = actor.is_some_and(|actor| actor.recipient == *recipient);
        let for_actor = self.for_actor.as_ref().filter(|_| is_actor);
        let mut member = for_actor.unwrap_or(&self.member).clone();
        if let Some(place) = member.get_mut(ID) {
            place.copy_from_slice(id.to_string().as_bytes());
        }
        member
    }

    pub(super) fn notification(&self) -> &Notification {
        self.notification
    }
}

fn encode(notification: &Notification, message: &Message) -> Result<Vec<u8>, Error> {
    message.validate()?;
    let member = serde_json::to_vec(&Fields::of(notification, message)).map_err(|cause| {
        Error::invalid("notification", "cannot be written as JSON").with_source(cause)
    })?;
    match member.len() > MAX_MESSAGE_BYTES {
        true => Err(Error::invalid(
            "notification",
            format!("is over the limit of {MAX_MESSAGE_BYTES} bytes"),
        )),
        false => Ok(member),
    }
}

/// Decodes a member, and validates every field, since any program may have written it.
pub(super) fn decode(member: &[u8]) -> Result<Notification, DecodeError> {
    #[derive(Deserialize)]
    struct OwnFields<'a> {
        #[serde(borrow)]
        kind: Cow<'a, str>,
        subject: Option<String>,
        group: Option<String>,
        #[serde(borrow)]
        actor: Option<ActorFields<'a>>,
        event: Option<String>,
        #[serde(default)]
        subscriptions: Vec<String>,
    }
    let message = wire::decode(member)?;
    let malformed = |_| DecodeError::Malformed;
    let fields: OwnFields<'_> =
        serde_json::from_slice(member).map_err(|_| DecodeError::Malformed)?;
    let mut notification = Notification::new(fields.kind, message);
    notification.subject = fields.subject;
    notification.group = fields.group;
    notification.event = fields.event;
    notification.subscriptions = fields.subscriptions;
    if let Some(actor) = fields.actor {
        notification.actor = Some(Actor {
            recipient: actor.id.parse().map_err(malformed)?,
            name: actor.name.into_owned(),
        });
    }
    notification.validate().map_err(malformed)?;
    Ok(notification)
}

/// Returns the id at the beginning of a member.
pub(super) fn id_of(member: &[u8]) -> Option<MessageId> {
    let id = wire::member_header(member)?.id;
    std::str::from_utf8(id).ok()?.parse().ok()
}
