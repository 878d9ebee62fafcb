//! The notifications of an inbox that wait for a mail, and those that a mail has taken: the counterparts of a
//! sorted set and a hash in Redis.

use std::collections::BTreeMap;
#[cfg(feature = "mail")]
use std::collections::HashMap;

use crate::MessageId;
use crate::inbox::limits::MAX_UNMAILED;

#[derive(Default)]
pub(super) struct Mails {
    /// By position. Some may have been read or removed since.
    waiting: BTreeMap<u64, MessageId>,
    /// By the job that mails them.
    #[cfg(feature = "mail")]
    taken: HashMap<String, Vec<MessageId>>,
    /// The period of the last digest of each name.
    #[cfg(feature = "mail")]
    pub(super) last_periods: HashMap<String, String>,
}

impl Mails {
    pub(super) fn wait(
        &mut self,
        position: u64,
        id: MessageId,
        is_unread: impl Fn(MessageId) -> bool,
    ) {
        self.waiting.insert(position, id);
        if self.waiting.len() > MAX_UNMAILED {
            self.waiting.retain(|_, id| is_unread(*id));
        }
    }
}

#[cfg(feature = "mail")]
impl Mails {
    /// Returns the waiting ones, oldest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = MessageId> {
        self.waiting.values().copied()
    }

    /// Returns the notifications that a job mails: those that it took before, else those of `ids` that wait.
    pub(super) fn take(&mut self, job: &str, ids: &[MessageId]) -> Vec<MessageId> {
        if let Some(taken) = self.taken.get(job) {
            return taken.clone();
        }
        let mut taken = Vec::new();
        self.waiting.retain(|_, id| {
            let is_taken = ids.contains(id);
            taken.extend(is_taken.then_some(*id));
            !is_taken
        });
        if !taken.is_empty() {
            self.taken.insert(job.to_owned(), taken.clone());
        }
        taken
    }

    pub(super) fn end(&mut self, job: &str, period: Option<(&str, &str)>) {
        self.taken.remove(job);
        if let Some((name, period)) = period {
            let period = period.to_owned();
            self.last_periods.insert(name.to_owned(), period);
        }
    }
}
