//! The model of all that concerns two people.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::steps::{Choice, KINDS, LANGUAGES, Operation, PEOPLE};

/// How long a notification of a kind of [`Choice::IfUnread`] is unread before it is mailed.
pub const UNREAD: Duration = Duration::from_secs(90);
/// The kind of the notifications of events.
pub const EDIT: &str = "edit";

/// What a step returns, as texts.
pub type Outcome = Vec<String>;

#[derive(Clone)]
struct Notified {
    text: String,
    kind: &'static str,
    is_unread: bool,
    /// Whether it may be mailed.
    waits: bool,
    /// The time of its id: when it was built, or when its event happened.
    at: u64,
}

#[derive(Default)]
struct Person {
    messages: Vec<String>,
    /// Whether the session before was closed; `None` without one.
    was_closed: Option<bool>,
    inbox: Vec<Notified>,
    subscriptions: BTreeSet<usize>,
    choices: BTreeMap<&'static str, Choice>,
    erased: u64,
}

struct Note {
    to: usize,
    kind: &'static str,
    text: String,
    at: u64,
}

struct Published {
    language: usize,
    text: String,
    at: u64,
}

#[derive(Default)]
pub struct Model {
    now: u64,
    people: [Person; PEOPLE],
    notes: Vec<Note>,
    messages: usize,
    events: usize,
    /// The events that no worker has fanned out yet.
    waiting: Vec<Published>,
    /// How often each outcome occurred.
    pub counts: BTreeMap<&'static str, u64>,
}

/// Returns the kind that a choice is about: the last one is that of events.
pub fn kind(index: usize) -> &'static str {
    KINDS.get(index).copied().unwrap_or(EDIT)
}

impl Person {
    fn choice(&self, kind: &'static str) -> Choice {
        let default = match kind {
            "chat" => Choice::IfUnread,
            EDIT => Choice::AtOnce,
            _ => Choice::Never,
        };
        self.choices.get(kind).copied().unwrap_or(default)
    }
}

impl Model {
    pub fn set_time(&mut self, now: u64) {
        self.now = now;
    }

    fn count(&mut self, outcome: &'static str) {
        *self.counts.entry(outcome).or_default() += 1;
    }

    pub fn execute(&mut self, operation: Operation) -> Outcome {
        match operation {
            Operation::Add(who) => {
                let text = self.next_message();
                self.people[who].messages.push(text);
            }
            Operation::AddLate(who) => {
                let text = self.next_message();
                match self.people[who].was_closed {
                    Some(true) => {
                        self.count("session_closed");
                        return vec!["closed".to_owned()];
                    }
                    Some(false) => {
                        self.people[who].messages.push(text);
                        self.count("message_moved");
                    }
                    None => self.people[who].messages.push(text),
                }
            }
            Operation::Page(who) => {
                let shown = std::mem::take(&mut self.people[who].messages);
                if !shown.is_empty() {
                    self.count("shown");
                }
                return shown;
            }
            Operation::LogIn(who) => {
                let was_closed = &mut self.people[who].was_closed;
                *was_closed = Some(false);
            }
            Operation::LogOut(who) => {
                self.people[who].messages.clear();
                self.people[who].was_closed = Some(true);
            }
            Operation::Notify(to, kind) => {
                let (kind, text) = (KINDS[kind], format!("Note {}.", self.notes.len()));
                let at = self.now;
                self.notes.push(Note {
                    to,
                    kind,
                    text: text.clone(),
                    at,
                });
                self.notify(to, kind, &text, at);
                self.count("notified");
            }
            Operation::Repeat(ago) => {
                let note = self
                    .notes
                    .len()
                    .checked_sub(ago + 1)
                    .map(|index| &self.notes[index]);
                if let Some(Note { to, kind, text, at }) = note {
                    let (to, kind, text, at) = (*to, *kind, text.clone(), *at);
                    self.notify(to, kind, &text, at);
                    self.count("repeated");
                }
            }
            Operation::ReadAll(who) => {
                let unread = self.people[who]
                    .inbox
                    .iter_mut()
                    .filter(|one| one.is_unread);
                let mut outcomes = Vec::new();
                for one in unread {
                    one.is_unread = false;
                    outcomes.push("read");
                    outcomes.extend(one.waits.then_some("read_before_mail"));
                }
                for outcome in outcomes {
                    self.count(outcome);
                }
            }
            Operation::Subscribe(who, language) => {
                self.people[who].subscriptions.insert(language);
                self.count("subscribed");
            }
            Operation::Unsubscribe(who, language) => {
                let was = self.people[who].subscriptions.remove(&language);
                if was {
                    self.count("unsubscribed");
                }
                return vec![was.to_string()];
            }
            Operation::Publish(language) => {
                let text = format!("Event {}.", self.events);
                self.events += 1;
                let at = self.now;
                self.waiting.push(Published { language, text, at });
            }
            Operation::Republish => {}
            Operation::Work => return self.work(),
            Operation::Prefer(who, index, choice) => {
                self.people[who].choices.insert(kind(index), choice);
                self.count("preferred");
            }
            Operation::Erase(who) => {
                let person = &mut self.people[who];
                person.inbox.clear();
                person.subscriptions.clear();
                person.choices.clear();
                person.erased = self.now;
                self.count("erased");
            }
        }
        Vec::new()
    }

    fn next_message(&mut self) -> String {
        self.messages += 1;
        format!("Message {}.", self.messages)
    }

    fn notify(&mut self, to: usize, kind: &'static str, text: &str, at: u64) {
        let person = &mut self.people[to];
        if at < person.erased {
            self.count("too_old_for_erased");
            return;
        }
        if person.inbox.iter().any(|one| one.text == text) {
            return;
        }
        let waits = person.choice(kind) != Choice::Never;
        person.inbox.push(Notified {
            text: text.to_owned(),
            kind,
            is_unread: true,
            waits,
            at,
        });
    }

    /// Fans out events, and mails. Returns the texts in mails, each with its person.
    fn work(&mut self) -> Outcome {
        for event in std::mem::take(&mut self.waiting) {
            let is_subscribed = |person: &Person| person.subscriptions.contains(&event.language);
            let to = (0..PEOPLE).filter(|who| is_subscribed(&self.people[*who]));
            let to: Vec<_> = to.collect();
            self.count(match to.is_empty() {
                true => "event_unmatched",
                false => "event_notified",
            });
            for who in to {
                self.notify(who, EDIT, &event.text, event.at);
            }
        }
        let mut mailed = Vec::new();
        let mut outcomes = Vec::new();
        for (who, person) in self.people.iter_mut().enumerate() {
            let cadences = person.inbox.iter().map(|one| person.choice(one.kind));
            let cadences: Vec<_> = cadences.collect();
            let is_over = |one: &Notified| one.at + millis(UNREAD) <= self.now;
            let mut waiting = person.inbox.iter().zip(&cadences);
            let is_due = waiting.any(|(one, cadence)| {
                *cadence == Choice::IfUnread && one.waits && one.is_unread && is_over(one)
            });
            for (one, cadence) in person.inbox.iter_mut().zip(cadences) {
                let outcome = match cadence {
                    Choice::AtOnce => "mailed_at_once",
                    Choice::IfUnread if is_due => "mailed_since_unread",
                    Choice::Never | Choice::IfUnread => continue,
                };
                if one.waits && one.is_unread {
                    one.waits = false;
                    mailed.push(format!("p{who}: {}", one.text));
                    outcomes.push(outcome);
                }
            }
        }
        for outcome in outcomes {
            self.count(outcome);
        }
        mailed.sort();
        mailed
    }

    /// Returns everything that can be read: inboxes, subscriptions and choices.
    pub fn state(&self) -> Vec<String> {
        let mut state = Vec::new();
        for person in &self.people {
            let inbox = person.inbox.iter();
            let mut inbox: Vec<_> = inbox
                .map(|one| format!("{} {}", one.text, one.is_unread))
                .collect();
            inbox.sort();
            state.append(&mut inbox);
            let languages = person.subscriptions.iter().map(|index| LANGUAGES[*index]);
            state.extend(languages.map(str::to_owned));
            let choices = person.choices.iter();
            state.extend(choices.map(|(kind, choice)| format!("{kind} {choice:?}")));
        }
        state
    }
}

pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}
