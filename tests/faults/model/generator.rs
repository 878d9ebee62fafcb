//! Writes what a run stores: messages, and what foreign writers put beside them.

use std::time::Duration;

use salver::{Message, MessageId, wire};
use time::OffsetDateTime;
use uuid::Builder;

use super::call::{Call, Member, Mode, Place, Sent, Target, VIEWS, What};
use super::pure::Model;
use super::steps::{Deed, Draft, Fresh, Raw, Reach};

/// Knows all that was written in this run, so that a step may mean something of it.
#[derive(Default)]
pub struct Author {
    now: u64,
    written: Vec<(Place, Sent)>,
    raws: Vec<(Place, Member)>,
}

impl Author {
    /// Says what a step means by now; nothing when it is of something that is not there yet.
    pub fn call(&mut self, now: u64, deed: &Deed, model: &Model) -> Option<Call> {
        self.now = now;
        let claim = |ago: &usize| model.claims().checked_sub(ago + 1);
        Some(match deed {
            Deed::Add(place, batch, bounds) => {
                let sent = batch.iter().filter_map(|draft| self.send(*place, draft));
                Call::Add(*place, sent.collect(), *bounds)
            }
            Deed::Look(place, reach, mode, age) => {
                // A claim goes where something is, and so there is something to confirm and release.
                let aimed = model.place_in_use(*place);
                let aimed = aimed.filter(|_| matches!(mode, Mode::Claim { .. }));
                Call::Look(places(aimed.unwrap_or(*place), *reach), *mode, *age)
            }
            Deed::Confirm(ago, follow) => Call::Confirm(claim(ago)?, *follow),
            Deed::Release(ago, follow) => Call::Release(claim(ago)?, *follow),
            Deed::RetractTag(place, tag) => Call::Retract(*place, Target::Tag((*tag).to_owned())),
            Deed::RetractId(ago) => {
                let (place, sent) = before_last(&self.written, *ago)?;
                Call::Retract(*place, Target::Id(sent.message.id().to_string()))
            }
            Deed::Clear(place) => Call::Clear(*place),
            Deed::ClearSession(session, close) => Call::ClearSession(*session, *close),
            Deed::Migrate(migration) => Call::Migrate(*migration),
            Deed::Contexts(session) => Call::Contexts(*session),
            Deed::Put(place, raw, fresh) => {
                let place = model.place_in_use(*place)?;
                Call::Put(place, self.put(place, *raw, fresh))
            }
            Deed::PutAgain(ago) => {
                let (place, member) = before_last(&self.raws, *ago)?;
                Call::Put(model.place_in_use(*place)?, member.clone())
            }
        })
    }

    /// Makes ids in the order of their making, and the same ones whenever a run is repeated.
    fn id(&self, written: u64) -> MessageId {
        let mut tail = [0; 10];
        let serial = (self.written.len() + self.raws.len()) as u64;
        tail[2..].copy_from_slice(&serial.to_be_bytes());
        let uuid = Builder::from_unix_timestamp_millis(written, &tail).into_uuid();
        uuid.try_into().unwrap()
    }

    fn send(&mut self, place: Place, draft: &Draft) -> Option<Sent> {
        let sent = match draft {
            Draft::Fresh(fresh) => self.fresh(fresh),
            Draft::Repeat { ago, changed } => {
                let (_, repeated) = before_last(&self.written, *ago)?;
                if !changed {
                    return Some(repeated.clone());
                }
                let id = repeated.message.id();
                sent(Message::info("said differently").with_id(id), None)
            }
        };
        self.written.push((place, sent.clone()));
        Some(sent)
    }

    fn fresh(&self, fresh: &Fresh) -> Sent {
        let id = self.id(self.now.saturating_add_signed(fresh.written));
        let mut message = Message::info("fresh").with_id(id);
        message = message.after(Duration::from_millis(fresh.delay));
        if let Some(tag) = fresh.tag {
            message = message.tag(tag);
        }
        let expires = fresh
            .expires
            .map(|expires| self.now.saturating_add_signed(expires));
        if let Some(moment) = expires {
            let nanos = i128::from(moment) * 1_000_000;
            message = message.expires_at(OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap());
        }
        sent(message, expires)
    }

    /// Writes what a foreign writer puts in; a later repeat may use its id.
    fn put(&mut self, place: Place, raw: Raw, fresh: &Fresh) -> Member {
        let id = self.id(self.now.saturating_add_signed(fresh.written));
        let ours = sent(Message::info("said by us").with_id(id), None);
        let member = member(raw, id, fresh.tag);
        self.written.push((place, ours));
        self.raws.push((place, member.clone()));
        member
    }
}

fn member(raw: Raw, id: MessageId, tag: Option<&str>) -> Member {
    let tagged = tag.map_or_else(String::new, |tag| format!(r#","tag":"{tag}""#));
    let stored = match raw {
        Raw::Message => format!(r#"{{"id":"{id}"{tagged},"text":"foreign","mood":"blue"}}"#),
        Raw::Garbage => format!("garbage {id}"),
        Raw::CutId => format!(r#"{{"id":"{id}"#),
        Raw::CutTag => format!(r#"{{"id":"{id}","tag":"a"#),
        Raw::Misspelt => format!(r#"{{"ID":"{id}"{tagged},"v":2,"text":"x"}}"#),
        Raw::Unsafe => format!(
            r#"{{"id":"{id}"{tagged},"text":"x","action":{{"label":"x","url":"javascript:x"}}}}"#
        ),
        Raw::Newer => format!(r#"{{"id":"{id}"{tagged},"v":2,"words":["x"]}}"#),
    };
    let begins = !matches!(raw, Raw::Garbage | Raw::CutId | Raw::Misspelt);
    let has_tag = begins && !matches!(raw, Raw::CutTag);
    Member {
        stored,
        id: begins.then(|| id.to_string()),
        written: begins.then(|| id.unix_ms()),
        tag: tag.filter(|_| has_tag).map(str::to_owned),
        text: "foreign".to_owned(),
        expires: None,
        what: match raw {
            Raw::Message => What::Message,
            Raw::Newer => What::Newer,
            _ => What::Unreadable,
        },
    }
}

fn sent(message: Message, expires: Option<u64>) -> Sent {
    Sent {
        member: Member {
            stored: String::from_utf8(wire::encode(&message).unwrap()).unwrap(),
            id: Some(message.id().to_string()),
            written: Some(message.id().unix_ms()),
            tag: message.get_tag().map(str::to_owned),
            text: message.text().to_owned(),
            expires,
            what: What::Message,
        },
        delay: message.delay().as_millis() as u64,
        message,
    }
}

fn places(place: Place, reach: Reach) -> Vec<Place> {
    let any = VIEWS.len() - 1;
    let views = match reach {
        Reach::One => vec![place.view],
        Reach::Page if place.view == any => vec![any],
        Reach::Page => vec![place.view, any],
        Reach::All => (0..VIEWS.len()).collect(),
    };
    let here = views.into_iter().map(|view| Place { view, ..place });
    here.collect()
}

/// Gives the one that came so many before the last.
fn before_last<T>(all: &[T], ago: usize) -> Option<&T> {
    all.iter().rev().nth(ago)
}
