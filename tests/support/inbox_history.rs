//! A history of the notifications of many people, filled by writers and readers, and the checker
//! that compares it with their inboxes afterwards.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use salver::inbox::InboxPage;
use salver::{Message, Notification, Recipient, Salver};
use serde_json::Value;

use super::history::Verdict;
use super::redis::Server;

/// A history. Clones share it.
#[derive(Clone, Default)]
pub struct InboxHistory {
    serial: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

/// A notification of one person: their number and its text.
pub type Received = (usize, String);

#[derive(Default)]
struct State {
    notes: HashMap<String, Notification>,
    acknowledged: HashMap<Received, Instant>,
    in_doubt: HashSet<Received>,
    removed: HashSet<Received>,
    /// Those that a list of another person contained.
    misdelivered: usize,
}

pub fn person(number: usize) -> Recipient {
    Recipient::user(format!("v{number}"))
}

pub fn people(numbers: &[usize]) -> Vec<Recipient> {
    numbers.iter().map(|number| person(*number)).collect()
}

/// Returns whether a text names this person.
fn names(text: &str, number: usize) -> bool {
    text.split(' ').any(|name| name == format!("v{number}"))
}

impl InboxHistory {
    /// Returns an empty history whose notifications differ from those of this one.
    pub fn successor(&self) -> Self {
        Self {
            serial: self.serial.clone(),
            state: Arc::default(),
        }
    }

    /// Builds a notification whose text names its recipients.
    pub fn note(&self, recipients: &[usize]) -> Notification {
        let serial = self.serial.fetch_add(1, Ordering::SeqCst);
        let names = recipients.iter().map(|number| format!(" v{number}"));
        let text = format!("{serial} to{}", names.collect::<String>());
        Notification::new("test", Message::info(text))
    }

    pub fn record_acknowledged(&self, recipients: &[usize], note: &Notification) {
        let (mut state, now) = (self.lock(), Instant::now());
        for number in recipients {
            let received = (*number, note.text().to_owned());
            state.acknowledged.entry(received).or_insert(now);
        }
        state.notes.insert(note.text().to_owned(), note.clone());
    }

    /// Records that an add failed and may have been applied.
    pub fn record_in_doubt(&self, recipients: &[usize], note: &Notification) {
        let received = recipients.iter();
        let received = received.map(|number| (*number, note.text().to_owned()));
        self.lock().in_doubt.extend(received);
    }

    /// Records that a notification was removed: it must not come back.
    pub fn record_removed(&self, number: usize, text: &str) {
        self.lock().removed.insert((number, text.to_owned()));
    }

    /// Records a page that a reader of this inbox received.
    pub fn record_listed(&self, number: usize, page: &InboxPage) {
        let listed = page.rows.iter().flat_map(|row| row.notifications());
        let foreign = listed.filter(|one| !names(one.text(), number)).count();
        self.lock().misdelivered += foreign;
    }

    /// Forgets all notifications, which were erased.
    pub fn forget(&self) {
        *self.lock() = State::default();
    }

    pub fn acknowledged(&self) -> usize {
        self.lock().acknowledged.len()
    }

    /// Compares what people have with the history. Panics if their counts differ from what they have.
    pub async fn verdict(&self, salver: &Salver, numbers: Range<usize>) -> Verdict {
        let (verdict, differences) = self.compare(salver, numbers).await;
        assert_eq!(differences, 0, "counts that differ from the lists");
        verdict
    }

    /// Compares what people have with the history. Returns also how many of their counts differ from
    /// what they have.
    pub async fn compare(&self, salver: &Salver, numbers: Range<usize>) -> (Verdict, usize) {
        let (mut verdict, mut differences) = (Verdict::default(), 0);
        let mut present = HashSet::new();
        for number in numbers {
            let export = salver.export(&person(number)).await.unwrap();
            differences += count_differences(salver, number, &export).await;
            for text in texts(&export) {
                verdict.misdelivered += usize::from(!names(&text, number));
                verdict.twice += usize::from(!present.insert((number, text)));
            }
        }
        let state = self.lock();
        verdict.misdelivered += state.misdelivered;
        verdict.again = present.intersection(&state.removed).count();
        verdict.n = state.acknowledged.len();
        for received in state.acknowledged.keys() {
            if present.contains(received) {
                verdict.received += 1;
            } else if state.removed.contains(received) {
                verdict.delivered += 1;
            } else {
                verdict.lost += 1;
            }
        }
        let doubtful = state.in_doubt.iter();
        let doubtful = doubtful.filter(|received| !state.acknowledged.contains_key(*received));
        verdict.in_doubt = doubtful.count();
        (verdict, differences)
    }

    /// Returns the acknowledged notifications that people do not have, and when each was acknowledged.
    pub async fn missing(
        &self,
        salver: &Salver,
        numbers: Range<usize>,
    ) -> Vec<(usize, Notification, Instant)> {
        let mut present = HashSet::new();
        for number in numbers {
            let export = salver.export(&person(number)).await.unwrap();
            present.extend(texts(&export).into_iter().map(|text| (number, text)));
        }
        let state = self.lock();
        let missing = state.acknowledged.iter().filter(|(received, _)| {
            !present.contains(*received) && !state.removed.contains(*received)
        });
        let missing = missing.map(|((number, text), at)| (*number, state.notes[text].clone(), *at));
        missing.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Returns the texts of all notifications of an export, archived ones too.
fn texts(export: &Value) -> Vec<String> {
    let lists = ["notifications", "archived"].map(|list| export[list].as_array().unwrap());
    let text = |one: &Value| one["text"].as_str().unwrap().to_owned();
    lists.into_iter().flatten().map(text).collect()
}

/// Returns how many of the counts of a person differ from an export.
async fn count_differences(salver: &Salver, number: usize, export: &Value) -> usize {
    let counts = salver.inbox(&person(number)).counts().await.unwrap();
    let unread = |list: &str| {
        let listed = export[list].as_array().unwrap().iter();
        listed.filter(|one| one["unread"] == true).count()
    };
    let total = export["notifications"].as_array().unwrap().len();
    usize::from(counts.unread != unread("notifications") as u64)
        + usize::from(counts.total != total as u64)
        + usize::from(counts.unseen > counts.unread)
        + unread("archived")
}

/// Returns how many of the keys of a person contradict each other on a server.
pub fn key_differences(server: &Server, number: usize) -> usize {
    let key = |part: &str| format!("app!{part}:{{user%3Av{number}}}");
    let mut read = redis::pipe();
    for part in ["inbox", "archived", "unread", "removed"] {
        read.cmd("ZRANGE").arg(key(part)).arg(0).arg(-1);
    }
    read.cmd("HKEYS").arg(key("notifications"));
    let read: [HashSet<String>; 5] = read.query(&mut server.connect()).unwrap();
    let [inbox, archived, unread, removed, stored] = read;
    let listed: HashSet<_> = inbox.union(&archived).cloned().collect();
    unread.difference(&inbox).count()
        + inbox.intersection(&archived).count()
        + stored.symmetric_difference(&listed).count()
        + removed.intersection(&listed).count()
}
