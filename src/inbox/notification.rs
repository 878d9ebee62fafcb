//! A notification: a message for a person.

use std::fmt;
use std::ops::Deref;

use crate::inbox::limits::{MAX_ACTOR_BYTES, MAX_GROUP_BYTES, MAX_KIND_BYTES, MAX_SUBJECT_BYTES};
use crate::validate::{validate_line, validate_name};
use crate::{Error, Message, MessageId, Recipient};

/// A message for a person, with what it is about. Built by chained setters and validated by the
/// call that uses it. At most 8 KiB as JSON, with its message.
///
/// It dereferences to its [`Message`], which has the text, the level, the link and the tag. The tag
/// works across the whole inbox: of one tag, the notification with the latest id stays.
///
/// `Debug` omits the content, so that it does not appear in logs.
///
/// ```
/// use salver::{Message, Notification, Recipient};
///
/// let ada = Recipient::user(7);
/// let text = |who| Message::info(format!("p53 was shared by {who}.")).action("Open", "/graphs/7");
/// let note = Notification::new("graph.shared", text("Ada"))
///     .subject("graphs/7")
///     .actor(&ada, "Ada")
///     .for_actor(text("you"));
/// assert_eq!(note.kind(), "graph.shared");
/// assert_eq!(note.text(), "p53 was shared by Ada.");
/// ```
#[derive(Clone, PartialEq)]
pub struct Notification {
    pub(super) message: Message,
    pub(super) kind: String,
    pub(super) subject: Option<String>,
    pub(super) group: Option<String>,
    pub(super) actor: Option<Actor>,
    /// The message that the actor gets instead.
    for_actor: Option<Box<Message>>,
    pub(super) is_unread: bool,
    /// The id of the event that it is about, of this source.
    pub(super) event: Option<String>,
    /// The ids of the subscriptions for which the recipient is notified.
    pub(super) subscriptions: Vec<String>,
    /// The position in the inbox; 0 for a notification that was not read from one.
    pub(super) position: u64,
}

/// The person who caused a notification.
#[derive(Clone, PartialEq)]
pub(super) struct Actor {
    pub(super) recipient: Recipient,
    pub(super) name: String,
}

impl Notification {
    /// Builds a notification.
    ///
    /// `kind`: what happened, as dotted words such as `graph.uploaded`; 1 to 128 characters of
    /// `A-Z a-z 0-9 - . _ ~`. A filter for `graph` finds it too.
    ///
    /// A message with a delay or an expiry is invalid here: a notification is there until it is
    /// read, and [`retract`](crate::Inbox::retract) ends it.
    #[must_use]
    pub fn new(kind: impl Into<String>, message: Message) -> Self {
        Self {
            message,
            kind: kind.into(),
            subject: None,
            group: None,
            actor: None,
            for_actor: None,
            is_unread: true,
            event: None,
            subscriptions: Vec::new(),
            position: 0,
        }
    }

    /// Sets the object that the notification is about, such as `graphs/7`: one line, 1 to 256
    /// bytes. Default: none.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the group: one line, 1 to 256 bytes. Notifications of one group on one day are one row
    /// of the list. Default: none, a row of its own.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Sets the person who caused it. `name`: one line, 1 to 128 bytes. Default: none.
    #[must_use]
    pub fn actor(mut self, recipient: &Recipient, name: impl Into<String>) -> Self {
        self.actor = Some(Actor {
            recipient: recipient.clone(),
            name: name.into(),
        });
        self
    }

    /// Sets the message that the actor gets instead: "shared by you". Default: the same message.
    ///
    /// It has no effect without an [`actor`](Self::actor), and for recipients other than the actor.
    /// The id of this message is not used; its tag is.
    #[must_use]
    pub fn for_actor(mut self, message: Message) -> Self {
        self.for_actor = Some(Box::new(message));
        self
    }

    /// Adds the notification as read: it is in the list, and counts as neither unread nor unseen.
    #[must_use]
    pub fn already_read(mut self) -> Self {
        self.is_unread = false;
        self
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the object that the notification is about.
    #[must_use]
    pub fn get_subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Returns the group.
    #[must_use]
    pub fn get_group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Returns the person who caused it, with their name.
    #[must_use]
    pub fn get_actor(&self) -> Option<(&Recipient, &str)> {
        let actor = self.actor.as_ref()?;
        Some((&actor.recipient, &actor.name))
    }

    /// Returns whether the recipient has not read it. `true` for a new notification, unless
    /// [`already_read`](Self::already_read) was called.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.is_unread
    }

    /// Returns the position in the inbox: higher than that of any earlier notification, and close
    /// to the time of the add in Unix milliseconds. 0 for a notification that was not read from an
    /// inbox.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns the id of the event that it is about; `None` for one that was not caused by an event.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// Returns the ids of the subscriptions for which the recipient is notified.
    #[cfg(feature = "events")]
    pub(crate) fn subscriptions(&self) -> &[String] {
        &self.subscriptions
    }

    /// Turns what a renderer has returned into the notification of an event. Its kind and its subject are those of the
    /// event, unless the renderer has set them. `id`: the same for all recipients and each attempt.
    #[cfg(feature = "events")]
    pub(crate) fn for_event(
        mut self,
        id: MessageId,
        (event_id, kind, subject): (&str, &str, Option<&str>),
        subscriptions: Vec<String>,
    ) -> Self {
        self.message = self.message.with_id(id);
        if self.kind.is_empty() {
            kind.clone_into(&mut self.kind);
        }
        self.subject = self.subject.or_else(|| subject.map(str::to_owned));
        self.event = Some(event_id.to_owned());
        self.subscriptions = subscriptions;
        self
    }

    /// Returns the message that a recipient gets.
    pub(super) fn message_for_actor(&self) -> Option<&Message> {
        self.for_actor.as_deref()
    }

    /// Returns whether a kind is this kind or a prefix of it that ends at a dot.
    pub(super) fn is_of_kind(&self, kind: &str) -> bool {
        let rest = self.kind.strip_prefix(kind);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Validates every field except those of the message.
    pub(super) fn validate(&self) -> Result<(), Error> {
        validate_kind(&self.kind)?;
        if let Some(subject) = &self.subject {
            validate_line("subject", subject, MAX_SUBJECT_BYTES)?;
        }
        if let Some(group) = &self.group {
            validate_line("group", group, MAX_GROUP_BYTES)?;
        }
        if let Some(actor) = &self.actor {
            actor.recipient.validate()?;
            validate_line("actor", &actor.name, MAX_ACTOR_BYTES)?;
        }
        for message in std::iter::once(&self.message).chain(self.for_actor.as_deref()) {
            validate_lifetime(message)?;
        }
        Ok(())
    }
}

/// A notification stays until it is read, so its message has neither a delay nor an expiry.
fn validate_lifetime(message: &Message) -> Result<(), Error> {
    if !message.delay().is_zero() {
        return Err(Error::invalid(
            "after",
            "is set: a notification has no delay",
        ));
    }
    if message.expires_at.is_some() {
        let problem = "is set: a notification has no expiry, `Inbox::retract` ends it";
        return Err(Error::invalid("expires_at", problem));
    }
    Ok(())
}

/// Validates a kind.
pub(super) fn validate_kind(kind: &str) -> Result<(), Error> {
    validate_name("kind", kind, MAX_KIND_BYTES)
}

/// The notification of an event: its kind and its subject are those of the event. Elsewhere it is invalid, since it has
/// no kind.
impl From<Message> for Notification {
    fn from(message: Message) -> Self {
        Self::new("", message)
    }
}

impl Deref for Notification {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("id", &self.message.id())
            .field("kind", &self.kind)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Notification {
    /// Returns the id of the notification that a recipient gets, by which a repeated add is found.
    pub(super) fn id_for(&self, app: &str, recipient: &Recipient) -> MessageId {
        let id = self.message.id();
        let fields = [app, &id.to_string(), recipient.as_str()];
        MessageId::from_digest(id.unix_ms(), crate::digest::digest("notify", &fields))
    }
}
