//! Executes the steps of a run on a site, and returns what it observes in the types of the model.

use salver::events::{Event, Subscription};
use salver::jobs::{Profile, Worker};
use salver::mail::{Cadence, Mailer};
use salver::{
    Error, InboxFilter, Message, MessageId, Notification, ReadState, Recipient, Salver, SessionId,
};
use time::OffsetDateTime;
use uuid::Builder;

use super::reference::{EDIT, Outcome, UNREAD, kind};
use super::steps::{Choice, KINDS, LANGUAGES, Operation, PEOPLE};
use crate::support::{at, session};

/// The sessions of a person.
struct Sessions {
    current: SessionId,
    previous: Option<SessionId>,
    number: usize,
}

pub struct Site {
    salver: Salver,
    worker: Worker,
    mailer: Mailer,
    /// How many letters were compared.
    seen: usize,
    sessions: [Sessions; PEOPLE],
    messages: usize,
    notes: Vec<(usize, Notification)>,
    events: Vec<Event>,
}

fn recipient(who: usize) -> Recipient {
    Recipient::user(format!("p{who}"))
}

fn edits(language: usize) -> Subscription {
    Subscription::new(EDIT).filter("language", LANGUAGES[language])
}

fn id(serial: usize, now: u64) -> MessageId {
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&(serial as u64).to_be_bytes());
    let id = Builder::from_unix_timestamp_millis(now, &tail).into_uuid();
    id.try_into().unwrap()
}

impl Site {
    pub fn new(salver: Salver) -> Self {
        let profiles = |who: Vec<Recipient>| async {
            let profile = |who: Recipient| {
                let address = format!("{}@example.org", who.user_id()?);
                Some(Profile::new(who).email(address))
            };
            Ok::<_, Error>(who.into_iter().filter_map(profile).collect())
        };
        let mailer = Mailer::memory();
        let worker = salver.worker().events().mail(mailer.clone());
        let sessions = |who| Sessions {
            current: session(&format!("p{who}-0")),
            previous: None,
            number: 0,
        };
        Self {
            worker: worker.profiles(profiles),
            salver,
            mailer,
            seen: 0,
            sessions: std::array::from_fn(sessions),
            messages: 0,
            notes: Vec::new(),
            events: Vec::new(),
        }
    }

    pub async fn execute(&mut self, operation: Operation, now: u64) -> Outcome {
        match operation {
            Operation::Add(who) => {
                let session = self.sessions[who].current.clone();
                return self.add(&session, now).await;
            }
            Operation::AddLate(who) => {
                let sessions = &self.sessions[who];
                let session = sessions.previous.as_ref().unwrap_or(&sessions.current);
                let session = session.clone();
                return self.add(&session, now).await;
            }
            Operation::Page(who) => {
                let page = at(self.sessions[who].current.as_str(), "page");
                let claim = self.salver.claim(&page).await.unwrap();
                self.salver.confirm(&claim).await.unwrap();
                let shown = claim.messages().iter();
                return shown.map(|message| message.text().to_owned()).collect();
            }
            Operation::LogIn(who) => {
                let (old, new) = self.next_session(who);
                self.salver.migrate(&old, &new).await.unwrap();
            }
            Operation::LogOut(who) => {
                let (old, _) = self.next_session(who);
                self.salver.close_session(&old).await.unwrap();
            }
            Operation::Notify(to, kind) => {
                let serial = self.notes.len();
                let message = Message::info(format!("Note {serial}.")).with_id(id(serial, now));
                let note = Notification::new(KINDS[kind], message);
                self.notes.push((to, note.clone()));
                self.salver.notify([recipient(to)], note).await.unwrap();
            }
            Operation::Repeat(ago) => {
                let note = self.notes.len().checked_sub(ago + 1);
                if let Some((to, note)) = note.map(|index| self.notes[index].clone()) {
                    self.salver.notify([recipient(to)], note).await.unwrap();
                }
            }
            Operation::ReadAll(who) => {
                let inbox = self.salver.inbox(&recipient(who));
                inbox
                    .mark(&InboxFilter::all(), ReadState::Read)
                    .await
                    .unwrap();
            }
            Operation::Subscribe(who, language) => {
                let (person, edits) = (recipient(who), edits(language));
                self.salver.subscribe(&person, edits).await.unwrap();
            }
            Operation::Unsubscribe(who, language) => {
                let was = self
                    .salver
                    .unsubscribe(&recipient(who), &edits(language))
                    .await;
                return vec![was.unwrap().to_string()];
            }
            Operation::Publish(language) => {
                let text = format!("Event {}.", self.events.len());
                let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now) * 1_000_000);
                let event = Event::new(EDIT).id(&text).time(time.unwrap());
                let event = event.filter("language", LANGUAGES[language]);
                let event = event.message(Message::info(text));
                self.salver.publish(event.clone()).await.unwrap();
                self.events.push(event);
            }
            Operation::Republish => {
                if let Some(event) = self.events.last() {
                    self.salver.publish(event.clone()).await.unwrap();
                }
            }
            Operation::Work => return self.work().await,
            Operation::Prefer(who, index, choice) => {
                let inbox = self.salver.inbox(&recipient(who));
                let cadence = match choice {
                    Choice::Never => Cadence::Never,
                    Choice::AtOnce => Cadence::AtOnce,
                    Choice::IfUnread => Cadence::IfUnread(UNREAD),
                };
                inbox.set_mail(kind(index), cadence).await.unwrap();
            }
            Operation::Erase(who) => self.salver.erase(&recipient(who)).await.unwrap(),
        }
        Vec::new()
    }

    async fn add(&mut self, session: &SessionId, now: u64) -> Outcome {
        self.messages += 1;
        let message = Message::info(format!("Message {}.", self.messages));
        let message = message.with_id(id(self.messages, now));
        match self
            .salver
            .add(&at(session.as_str(), "page"), message)
            .await
        {
            Ok(_) => Vec::new(),
            Err(error) if error.is_session_closed() => vec!["closed".to_owned()],
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Returns the session so far and the next one.
    fn next_session(&mut self, who: usize) -> (SessionId, SessionId) {
        let sessions = &mut self.sessions[who];
        sessions.number += 1;
        let new = session(&format!("p{who}-{}", sessions.number));
        let old = std::mem::replace(&mut sessions.current, new.clone());
        sessions.previous = Some(old.clone());
        (old, new)
    }

    async fn work(&mut self) -> Outcome {
        self.worker.drain().await.unwrap();
        let letters = self.mailer.sent().split_off(self.seen);
        self.seen += letters.len();
        let mut mailed = Vec::new();
        for letter in &letters {
            let (who, _) = letter.to.split_once('@').unwrap();
            let notifications = letter.rows.iter().flat_map(|row| row.notifications());
            mailed.extend(notifications.map(|one| format!("{who}: {}", one.text())));
        }
        mailed.sort();
        mailed
    }

    /// Returns everything that can be read: inboxes, subscriptions and choices.
    pub async fn state(&self) -> Vec<String> {
        let mut state = Vec::new();
        for who in 0..PEOPLE {
            let (person, filter) = (recipient(who), InboxFilter::all().ungrouped().limit(100));
            let inbox = self.salver.inbox(&person);
            let page = inbox.list(&filter, None).await.unwrap();
            let rows = page.rows.iter().map(|row| &row.newest);
            let notifications = rows.map(|one| format!("{} {}", one.text(), one.is_unread()));
            let mut notifications: Vec<_> = notifications.collect();
            // A worker fans out several events at the same time.
            notifications.sort();
            state.append(&mut notifications);
            let subscriptions = self.salver.subscriptions(&person).await.unwrap();
            let languages = subscriptions
                .iter()
                .filter_map(|one| one.get_filter("language"));
            let mut languages: Vec<_> = languages.map(str::to_owned).collect();
            languages.sort();
            state.append(&mut languages);
            let choice = |cadence| match cadence {
                Cadence::AtOnce => Choice::AtOnce,
                Cadence::IfUnread(_) => Choice::IfUnread,
                _ => Choice::Never,
            };
            let chosen = inbox.mail().await.unwrap().into_iter();
            state.extend(chosen.map(|(kind, cadence)| format!("{kind} {:?}", choice(cadence))));
        }
        state
    }
}
