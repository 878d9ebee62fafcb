//! Generates the calls of a run, with their messages and the members of external writers.

use std::time::Duration;

use salver::{Message, MessageId, wire};
use time::OffsetDateTime;
use uuid::Builder;

use super::call::{Call, ContextRef, Member, MemberKind, NewMessage, ReadMode, Target, VIEWS};
use super::reference::Model;
use super::steps::{Draft, FreshMessage, Operation, RawMember, ReadScope};

/// Keeps all messages and members of a run, so that a step can refer to earlier ones.
#[derive(Default)]
pub struct Generator {
    now: u64,
    messages: Vec<(ContextRef, NewMessage)>,
    raw_members: Vec<(ContextRef, Member)>,
}

impl Generator {
    /// Returns the call of a step in the current state. `None` if the step refers to a message,
    /// member or claim that does not exist yet.
    pub fn call(&mut self, now: u64, operation: &Operation, model: &Model) -> Option<Call> {
        self.now = now;
        let claim_index = |ago: &usize| model.claims().checked_sub(ago + 1);
        Some(match operation {
            Operation::Add(context, batch, bounds) => {
                let messages = batch
                    .iter()
                    .filter_map(|draft| self.new_message(*context, draft));
                Call::Add(*context, messages.collect(), *bounds)
            }
            Operation::Read(context, scope, mode, age) => {
                // A claim reads a context with members, so that there are claims to settle.
                let in_use = model.context_in_use(*context);
                let in_use = in_use.filter(|_| matches!(mode, ReadMode::Claim { .. }));
                Call::Read(contexts(in_use.unwrap_or(*context), *scope), *mode, *age)
            }
            Operation::Confirm(ago, follow) => Call::Confirm(claim_index(ago)?, *follow),
            Operation::Release(ago, follow) => Call::Release(claim_index(ago)?, *follow),
            Operation::RetractTag(context, tag) => {
                Call::Retract(*context, Target::Tag((*tag).to_owned()))
            }
            Operation::RetractId(ago) => {
                let (context, new) = before_last(&self.messages, *ago)?;
                Call::Retract(*context, Target::Id(new.message.id().to_string()))
            }
            Operation::Clear(context) => Call::Clear(*context),
            Operation::ClearSession(session, close) => Call::ClearSession(*session, *close),
            Operation::Migrate(migration) => Call::Migrate(*migration),
            Operation::Contexts(session) => Call::Contexts(*session),
            Operation::Put(context, raw, fresh) => {
                let context = model.context_in_use(*context)?;
                Call::Put(context, self.put(context, *raw, fresh))
            }
            Operation::RepeatPut(ago) => {
                let (context, member) = before_last(&self.raw_members, *ago)?;
                Call::Put(model.context_in_use(*context)?, member.clone())
            }
        })
    }

    /// Creates an id. Ids of the same time increase, and a repeated run creates the same ids.
    fn id(&self, created_at: u64) -> MessageId {
        let mut tail = [0; 10];
        let serial = (self.messages.len() + self.raw_members.len()) as u64;
        tail[2..].copy_from_slice(&serial.to_be_bytes());
        let uuid = Builder::from_unix_timestamp_millis(created_at, &tail).into_uuid();
        uuid.try_into().unwrap()
    }

    fn new_message(&mut self, context: ContextRef, draft: &Draft) -> Option<NewMessage> {
        let new = match draft {
            Draft::FreshMessage(fresh) => self.fresh(fresh),
            Draft::Repeat { ago, changed } => {
                let (_, repeated) = before_last(&self.messages, *ago)?;
                if !changed {
                    return Some(repeated.clone());
                }
                let id = repeated.message.id();
                encoded(Message::info("with another text").with_id(id), None)
            }
        };
        self.messages.push((context, new.clone()));
        Some(new)
    }

    fn fresh(&self, fresh: &FreshMessage) -> NewMessage {
        let id = self.id(self.now.saturating_add_signed(fresh.created_offset));
        let mut message = Message::info("fresh").with_id(id);
        message = message.after(Duration::from_millis(fresh.delay));
        if let Some(tag) = fresh.tag {
            message = message.tag(tag);
        }
        let expires_at = fresh
            .expires_offset
            .map(|offset| self.now.saturating_add_signed(offset));
        if let Some(time) = expires_at {
            let nanos = i128::from(time) * 1_000_000;
            message = message.expires_at(OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap());
        }
        encoded(message, expires_at)
    }

    /// Creates the member of an external writer. A later repeat may add a message with its id.
    fn put(&mut self, context: ContextRef, raw: RawMember, fresh: &FreshMessage) -> Member {
        let id = self.id(self.now.saturating_add_signed(fresh.created_offset));
        let repeat = encoded(Message::info("with the same id").with_id(id), None);
        let member = member(raw, id, fresh.tag);
        self.messages.push((context, repeat));
        self.raw_members.push((context, member.clone()));
        member
    }
}

fn member(raw: RawMember, id: MessageId, tag: Option<&str>) -> Member {
    let tagged = tag.map_or_else(String::new, |tag| format!(r#","tag":"{tag}""#));
    let stored = match raw {
        RawMember::UnknownField => {
            format!(r#"{{"id":"{id}"{tagged},"text":"external","mood":"blue"}}"#)
        }
        RawMember::Garbage => format!("garbage {id}"),
        RawMember::TruncatedId => format!(r#"{{"id":"{id}"#),
        RawMember::TruncatedTag => format!(r#"{{"id":"{id}","tag":"a"#),
        RawMember::MisspelledId => format!(r#"{{"ID":"{id}"{tagged},"v":2,"text":"x"}}"#),
        RawMember::UnsafeUrl => format!(
            r#"{{"id":"{id}"{tagged},"text":"x","action":{{"label":"x","url":"javascript:x"}}}}"#
        ),
        RawMember::NewerVersion => format!(r#"{{"id":"{id}"{tagged},"v":2,"words":["x"]}}"#),
    };
    let has_id = !matches!(
        raw,
        RawMember::Garbage | RawMember::TruncatedId | RawMember::MisspelledId
    );
    let has_tag = has_id && !matches!(raw, RawMember::TruncatedTag);
    Member {
        stored,
        id: has_id.then(|| id.to_string()),
        created_at: has_id.then(|| id.unix_ms()),
        tag: tag.filter(|_| has_tag).map(str::to_owned),
        text: "external".to_owned(),
        expires_at: None,
        kind: match raw {
            RawMember::UnknownField => MemberKind::Message,
            RawMember::NewerVersion => MemberKind::UnsupportedVersion,
            _ => MemberKind::Undecodable,
        },
    }
}

fn encoded(message: Message, expires_at: Option<u64>) -> NewMessage {
    NewMessage {
        member: Member {
            stored: String::from_utf8(wire::encode(&message).unwrap()).unwrap(),
            id: Some(message.id().to_string()),
            created_at: Some(message.id().unix_ms()),
            tag: message.get_tag().map(str::to_owned),
            text: message.text().to_owned(),
            expires_at,
            kind: MemberKind::Message,
        },
        delay: message.delay().as_millis() as u64,
        message,
    }
}

fn contexts(context: ContextRef, scope: ReadScope) -> Vec<ContextRef> {
    let any = VIEWS.len() - 1;
    let views = match scope {
        ReadScope::One => vec![context.view],
        ReadScope::Page if context.view == any => vec![any],
        ReadScope::Page => vec![context.view, any],
        ReadScope::All => (0..VIEWS.len()).collect(),
    };
    let contexts = views.into_iter().map(|view| ContextRef { view, ..context });
    contexts.collect()
}

/// Returns the element at this distance from the last one.
fn before_last<T>(all: &[T], ago: usize) -> Option<&T> {
    all.iter().rev().nth(ago)
}
