//! What has arrived at people, in their inboxes and in mails.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::history::Verdict;
use crate::support::smtp_server::ReceivedMail;

/// The different mails, by address and text of a notification.
pub struct Mailed<'a> {
    mails: &'a [ReceivedMail],
    by_address: BTreeMap<&'a str, Vec<&'a ReceivedMail>>,
}

impl<'a> Mailed<'a> {
    pub fn of(mails: &'a [ReceivedMail]) -> Self {
        let mut by_address: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for mail in mails {
            by_address.entry(mail.to.as_str()).or_default().push(mail);
        }
        Self { mails, by_address }
    }

    /// Returns how many mails are not to one of these users.
    pub fn to_others(&self, users: &[String]) -> usize {
        let addresses: BTreeSet<_> = users.iter().map(|user| address(user)).collect();
        let mails = self.mails.iter();
        mails.filter(|mail| !addresses.contains(&mail.to)).count()
    }

    /// Counts the mails with each of some texts to a user, one of each. Repeats have the same `Message-ID`.
    pub fn count(&self, user: &str, texts: &[String], verdict: &mut Verdict) {
        let to = address(user);
        let mails = self
            .by_address
            .get(to.as_str())
            .map_or(&[][..], Vec::as_slice);
        for text in texts {
            let with_text = mails.iter().filter(|mail| mail.text.contains(text));
            let ids: Vec<_> = with_text.map(|mail| &mail.headers["message-id"]).collect();
            let distinct: BTreeSet<_> = ids.iter().collect();
            count_one(distinct.len(), verdict);
            verdict.again += ids.len() - distinct.len();
        }
    }
}

fn address(user: &str) -> String {
    format!("{user}@example.org")
}

/// Counts each of some texts, which are to be in an inbox once, and no other.
pub fn count_each(inbox: &[String], texts: &[String], verdict: &mut Verdict) {
    let mut times: BTreeMap<&String, usize> = BTreeMap::new();
    for text in inbox {
        *times.entry(text).or_default() += 1;
    }
    for text in texts {
        count_one(times.remove(text).unwrap_or(0), verdict);
    }
    verdict.misdelivered += times.len();
}

/// Counts what is to arrive once.
pub fn count_one(times: usize, verdict: &mut Verdict) {
    verdict.n += 1;
    verdict.received += times.min(1);
    verdict.lost += usize::from(times == 0);
    verdict.twice += times.saturating_sub(1);
}
