//! A store that executes the calls of a run and returns their outcomes in the model's types.

use std::sync::Arc;
use std::time::Duration;

use salver::store::{AddOutcome, Claim, Limits, ReadResult, Selector, Store, WhenFull};
use salver::{Context, Error, MessageId, SessionId, View};

use super::call::{
    Bounds, Call, ContextRef, ModelClaim, NewMessage, Outcome, ReadMode, ReadOutcome, SESSIONS,
    Target, VIEWS,
};
use crate::support::{at, encode_all, session};

/// Adds a raw member, as an external writer does at the given time.
type Put = Box<dyn Fn(&Context, &str, u64)>;

pub struct StoreUnderTest {
    store: Arc<dyn Store>,
    put: Put,
    claims: Vec<Claim>,
}

fn context_of(reference: ContextRef) -> Context {
    at(SESSIONS[reference.session], VIEWS[reference.view])
}

fn reference_to(context: &Context) -> ContextRef {
    ContextRef {
        session: session_index(context.session()),
        view: view_index(context.view()),
    }
}

fn session_index(session: &SessionId) -> usize {
    let mut names = SESSIONS.iter();
    names.position(|name| *name == session.as_str()).unwrap()
}

fn view_index(view: &View) -> usize {
    let mut names = VIEWS.iter();
    names.position(|name| *name == view.as_str()).unwrap()
}

fn limits(bounds: &Bounds) -> Limits {
    let mut limits = Limits::default();
    limits.max_messages = bounds.messages;
    limits.max_contexts = bounds.contexts;
    limits.ttl = Duration::from_millis(bounds.ttl);
    limits.when_full = if bounds.reject {
        WhenFull::Reject
    } else {
        WhenFull::DropOldest
    };
    limits
}

fn read_outcome(result: &ReadResult) -> ReadOutcome {
    let messages = result.messages.iter().map(|message| {
        let tag = message.get_tag().map(str::to_owned);
        (message.id().to_string(), message.text().to_owned(), tag)
    });
    ReadOutcome {
        messages: messages.collect(),
        next_due_in: result.next_due_in.map(|delay| delay.as_millis() as u64),
        displaced: result.displaced,
        expired: result.expired,
        undecodable: result.undecodable,
        unsupported: result.unsupported,
    }
}

fn model_claim(claim: &Claim) -> ModelClaim {
    let members = claim.members.iter().flat_map(|claimed| {
        let members = claimed.members.iter().cloned();
        members.map(|member| {
            (
                reference_to(&claimed.context),
                String::from_utf8(member).unwrap(),
            )
        })
    });
    let mut members: Vec<_> = members.collect();
    members.sort();
    let lease_until = if members.is_empty() {
        0
    } else {
        claim.lease_until_ms
    };
    ModelClaim {
        lease_until,
        members,
    }
}

impl StoreUnderTest {
    pub fn new(store: Arc<dyn Store>, put: Put) -> Self {
        Self {
            store,
            put,
            claims: Vec::new(),
        }
    }

    /// Executes a call. Errors become outcomes.
    pub async fn execute(&mut self, now: u64, call: &Call) -> Outcome {
        self.try_execute(now, call)
            .await
            .unwrap_or_else(|error| match error {
                error if error.is_session_closed() => Outcome::SessionClosed,
                error if error.is_full() => Outcome::Full,
                error => Outcome::Other(format!("{error:?}")),
            })
    }

    async fn try_execute(&mut self, now: u64, call: &Call) -> Result<Outcome, Error> {
        match call {
            Call::Add(context, messages, bounds) => {
                return self.add(*context, messages, bounds).await;
            }
            Call::Read(contexts, mode, age) => return self.read(contexts, *mode, *age).await,
            Call::Confirm(index, follow) => {
                let claim = self.claim(*index, *follow);
                self.store.confirm(&claim).await?;
            }
            Call::Release(index, follow) => {
                let claim = self.claim(*index, *follow);
                self.store.release(&claim).await?;
            }
            Call::Retract(context, target) => {
                let selector = match target {
                    Target::Tag(tag) => Selector::Tag(tag.clone()),
                    Target::Id(id) => Selector::from(id.parse::<MessageId>().unwrap()),
                };
                let removed = self.store.retract(&context_of(*context), &selector).await?;
                return Ok(Outcome::Count(removed));
            }
            Call::Clear(context) => self.store.clear(&context_of(*context)).await?,
            Call::ClearSession(index, close) => {
                let (name, close) = (session(SESSIONS[*index]), close.map(Duration::from_millis));
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
            Call::Contexts(index) => {
                let name = session(SESSIONS[*index]);
                let views = self.store.contexts("app", &name).await?;
                let mut views: Vec<_> = views.iter().map(view_index).collect();
                views.sort_unstable();
                return Ok(Outcome::Views(views));
            }
            Call::Put(context, member) => (self.put)(&context_of(*context), &member.stored, now),
        }
        Ok(Outcome::Done)
    }

    async fn add(
        &self,
        context: ContextRef,
        messages: &[NewMessage],
        bounds: &Bounds,
    ) -> Result<Outcome, Error> {
        let messages = encode_all(messages.iter().map(|new| new.message.clone()));
        let outcome = self
            .store
            .add(&context_of(context), &messages, &limits(bounds))
            .await?;
        Ok(match outcome {
            AddOutcome::Added { displaced, .. } => Outcome::Added { displaced },
            AddOutcome::SessionMoved(session) => Outcome::SessionMoved(session_index(&session)),
            other => Outcome::Other(format!("{other:?}")),
        })
    }

    async fn read(
        &mut self,
        contexts: &[ContextRef],
        mode: ReadMode,
        age: u64,
    ) -> Result<Outcome, Error> {
        let contexts: Vec<_> = contexts
            .iter()
            .map(|context| context_of(*context))
            .collect();
        let age = Duration::from_millis(age);
        let result = match mode {
            ReadMode::Peek => self.store.peek(&contexts, age).await?,
            ReadMode::Take => self.store.take(&contexts, age).await?,
            ReadMode::Claim { lease } => {
                let lease = Duration::from_millis(lease);
                let claim = self.store.claim(&contexts, lease, age).await?;
                let outcome = Outcome::Read(read_outcome(&claim.result), model_claim(&claim));
                if !claim.is_empty() {
                    self.claims.push(claim);
                }
                return Ok(outcome);
            }
        };
        Ok(Outcome::Read(read_outcome(&result), ModelClaim::default()))
    }

    fn claim(&mut self, index: usize, follow: Option<usize>) -> Claim {
        let claim = &mut self.claims[index];
        if let Some(to) = follow {
            claim.follow_session(&session(SESSIONS[to]));
        }
        claim.clone()
    }
}
