//! A history of notifications, and the checker that compares it with the mails that an SMTP server has accepted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use salver::{Message, Notification};

use super::history::Verdict;
use super::smtp_server::ReceivedMail;

/// What precedes the number of a notification in its text.
const CANARY: &str = "Note ";

/// The notifications of a test, whose texts name their recipients.
#[derive(Default)]
pub struct MailHistory {
    /// By the number in its text: the id of its recipient, and whether the store has acknowledged it.
    notes: Mutex<BTreeMap<usize, (String, bool)>>,
}

impl MailHistory {
    /// Creates a notification for one person. Returns its number too.
    pub fn note(&self, kind: &str, person: &str) -> (usize, Notification) {
        let mut notes = self.notes.lock().unwrap();
        let number = notes.len();
        notes.insert(number, (person.to_owned(), false));
        let text = format!("{CANARY}{number} of {person}.");
        (number, Notification::new(kind, Message::info(text)))
    }

    pub fn record_acknowledged(&self, number: usize) {
        self.notes.lock().unwrap().get_mut(&number).unwrap().1 = true;
    }

    /// Removes notifications whose loss is stated. Returns how many there are.
    pub fn forget_unmailed(&self, mails: &[ReceivedMail]) -> usize {
        let mailed: BTreeSet<_> = mails.iter().flat_map(numbers).collect();
        let mut notes = self.notes.lock().unwrap();
        let acknowledged = notes.values_mut().map(|(_, acknowledged)| acknowledged);
        let lost = acknowledged
            .enumerate()
            .filter(|(number, _)| !mailed.contains(number));
        lost.map(|(_, acknowledged)| usize::from(std::mem::take(acknowledged)))
            .sum()
    }

    /// Classifies all notifications. Panics if a repeat has the id of another mail and not its content.
    pub fn verdict(&self, mails: &[ReceivedMail]) -> Verdict {
        let notes = self.notes.lock().unwrap();
        let (mut first_mails, mut verdict) = (HashMap::new(), Verdict::default());
        // The ids of the mails that contain each notification.
        let mut ids: HashMap<usize, BTreeSet<&str>> = HashMap::new();
        for mail in mails {
            let id = mail.headers["message-id"].as_str();
            let first = *first_mails.entry(id).or_insert(mail);
            verdict.again += usize::from(!std::ptr::eq(first, mail));
            assert_eq!(content(first), content(mail), "a repeat has other content");
            let (person, _) = mail.to.split_once('@').unwrap();
            for number in numbers(mail) {
                ids.entry(number).or_default().insert(id);
                let is_own = notes.get(&number).is_some_and(|(owner, _)| owner == person);
                verdict.misdelivered += usize::from(!is_own);
            }
        }
        verdict.twice = ids.values().map(|ids| ids.len() - 1).sum();
        for (number, (_, acknowledged)) in notes.iter() {
            let is_mailed = ids.contains_key(number);
            verdict.n += usize::from(*acknowledged);
            verdict.received += usize::from(*acknowledged && is_mailed);
            verdict.lost += usize::from(*acknowledged && !is_mailed);
            verdict.in_doubt += usize::from(!acknowledged && is_mailed);
        }
        verdict
    }
}

fn content(mail: &ReceivedMail) -> (&str, &str, &str, &str) {
    (&mail.to, &mail.headers["subject"], &mail.text, &mail.html)
}

/// Returns the numbers of the notifications in a mail.
fn numbers(mail: &ReceivedMail) -> Vec<usize> {
    let number = |note: &str| {
        let (note, _) = note.split_once('.').unwrap();
        let html = format!("{CANARY}{note}.");
        assert!(mail.html.contains(&html), "the HTML lacks `{html}`");
        note.split(' ').next().unwrap().parse().unwrap()
    };
    mail.text.split(CANARY).skip(1).map(number).collect()
}
