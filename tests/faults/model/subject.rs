//! A store on trial: it gets every call, and says what came of it in the model's words.

use std::sync::Arc;
use std::time::Duration;

use salver::store::{AddOutcome, Claim, Limits, ReadResult, Selector, Store, WhenFull};
use salver::{Context, Error, MessageId, SessionId, View};

use super::call::{Answer, Bounds, Call, Hold, Mode, Place, SESSIONS, Seen, Sent, Target, VIEWS};
use crate::support::{at, session};

/// Puts a raw member in, as a foreign writer would at that time.
type Put = Box<dyn Fn(&Context, &str, u64)>;

pub struct Subject {
    store: Arc<dyn Store>,
    put: Put,
    claims: Vec<Claim>,
}

fn context(place: Place) -> Context {
    at(SESSIONS[place.session], VIEWS[place.view])
}

fn place(context: &Context) -> Place {
    Place {
        session: number(context.session()),
        view: view(context.view()),
    }
}

fn number(session: &SessionId) -> usize {
    let mut names = SESSIONS.iter();
    names.position(|name| *name == session.as_str()).unwrap()
}

fn view(view: &View) -> usize {
    let mut names = VIEWS.iter();
    names.position(|name| *name == view.as_str()).unwrap()
}

fn limits(bounds: &Bounds) -> Limits {
    let mut limits = Limits::default();
    limits.max_messages = bounds.messages;
    limits.max_contexts = bounds.contexts;
    limits.ttl = Duration::from_millis(bounds.expiry);
    limits.when_full = if bounds.reject {
        WhenFull::Reject
    } else {
        WhenFull::DropOldest
    };
    limits
}

fn seen(found: &ReadResult) -> Seen {
    let messages = found.messages.iter().map(|message| {
        let tag = message.get_tag().map(str::to_owned);
        (message.id().to_string(), message.text().to_owned(), tag)
    });
    Seen {
        messages: messages.collect(),
        next: found.next_due_in.map(|next| next.as_millis() as u64),
        displaced: found.displaced,
        expired: found.expired,
        unreadable: found.undecodable,
        newer: found.unsupported,
    }
}

fn hold(claim: &Claim) -> Hold {
    let held = claim.members.iter().flat_map(|held| {
        let members = held.members.iter().cloned();
        members.map(|member| (place(&held.context), String::from_utf8(member).unwrap()))
    });
    let mut members: Vec<_> = held.collect();
    members.sort();
    let until = if members.is_empty() {
        0
    } else {
        claim.lease_until_ms
    };
    Hold { until, members }
}

impl Subject {
    pub fn new(store: Arc<dyn Store>, put: Put) -> Self {
        Self {
            store,
            put,
            claims: Vec::new(),
        }
    }

    pub async fn answer(&mut self, now: u64, call: &Call) -> Answer {
        self.ask(now, call)
            .await
            .unwrap_or_else(|error| match error {
                error if error.is_closed() => Answer::Closed,
                error if error.is_full() => Answer::Full,
                error => Answer::Other(format!("{error:?}")),
            })
    }

    async fn ask(&mut self, now: u64, call: &Call) -> Result<Answer, Error> {
        match call {
            Call::Add(place, sent, bounds) => return self.add(*place, sent, bounds).await,
            Call::Look(places, mode, age) => return self.look(places, *mode, *age).await,
            Call::Confirm(which, follow) => {
                let claim = self.claim(*which, *follow);
                self.store.confirm(&claim).await?;
            }
            Call::Release(which, follow) => {
                let claim = self.claim(*which, *follow);
                self.store.release(&claim).await?;
            }
            Call::Retract(place, target) => {
                let which = match target {
                    Target::Tag(tag) => Selector::Tag(tag.clone()),
                    Target::Id(id) => Selector::from(id.parse::<MessageId>().unwrap()),
                };
                let removed = self.store.retract(&context(*place), &which).await?;
                return Ok(Answer::Count(removed));
            }
            Call::Clear(place) => self.store.clear(&context(*place)).await?,
            Call::ClearSession(which, close) => {
                let (name, close) = (session(SESSIONS[*which]), close.map(Duration::from_millis));
                self.store.clear_session("app", &name, close).await?;
            }
            Call::Migrate(migration) => {
                let from = session(SESSIONS[migration.from]);
                let to = session(SESSIONS[migration.to]);
                let limits = limits(&migration.bounds);
                self.store
                    .migrate("app", &from, &to, migration.open, &limits)
                    .await?;
            }
            Call::Contexts(which) => {
                let name = session(SESSIONS[*which]);
                let views = self.store.contexts("app", &name).await?;
                let mut views: Vec<_> = views.iter().map(view).collect();
                views.sort_unstable();
                return Ok(Answer::Views(views));
            }
            Call::Put(place, member) => (self.put)(&context(*place), &member.stored, now),
        }
        Ok(Answer::Done)
    }

    async fn add(&self, place: Place, sent: &[Sent], bounds: &Bounds) -> Result<Answer, Error> {
        let messages: Vec<_> = sent.iter().map(|sent| sent.message.clone()).collect();
        let placed = self
            .store
            .add(&context(place), &messages, &limits(bounds))
            .await?;
        Ok(match placed {
            AddOutcome::Added { displaced, .. } => Answer::Here { displaced },
            AddOutcome::SessionMoved(session) => Answer::Moved(number(&session)),
            other => Answer::Other(format!("{other:?}")),
        })
    }

    async fn look(&mut self, places: &[Place], mode: Mode, age: u64) -> Result<Answer, Error> {
        let contexts: Vec<_> = places.iter().map(|place| context(*place)).collect();
        let age = Duration::from_millis(age);
        let found = match mode {
            Mode::Peek => self.store.peek(&contexts, age).await?,
            Mode::Take => self.store.take(&contexts, age).await?,
            Mode::Claim { lease } => {
                let lease = Duration::from_millis(lease);
                let claim = self.store.claim(&contexts, lease, age).await?;
                let answer = Answer::Looked(seen(&claim.result), hold(&claim));
                if !claim.is_empty() {
                    self.claims.push(claim);
                }
                return Ok(answer);
            }
        };
        Ok(Answer::Looked(seen(&found), Hold::default()))
    }

    fn claim(&mut self, which: usize, follow: Option<usize>) -> Claim {
        let claim = &mut self.claims[which];
        if let Some(to) = follow {
            claim.follow_session(&session(SESSIONS[to]));
        }
        claim.clone()
    }
}
