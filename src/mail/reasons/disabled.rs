//! No subscriptions.

use std::future::{Ready, ready};

use crate::inbox::{InboxRow, Taken};
use crate::mail::words::Words;
use crate::{Error, Notification, Recipient, Salver};

/// No subscriptions.
pub(in crate::mail) struct Reasons;

impl Reasons {
    pub(in crate::mail) fn read(
        _salver: &Salver,
        _recipient: &Recipient,
        _taken: &Taken,
    ) -> Ready<Result<Self, Error>> {
        ready(Ok(Self))
    }

    #[expect(clippy::unused_self, reason = "as with the feature `events`")]
    pub(in crate::mail) fn remain(&self, _one: &Notification) -> bool {
        true
    }

    #[expect(clippy::unused_self, reason = "as with the feature `events`")]
    pub(in crate::mail) fn ids(&self, _rows: &[InboxRow]) -> Vec<String> {
        Vec::new()
    }

    #[expect(clippy::unused_self, reason = "as with the feature `events`")]
    pub(in crate::mail) fn names(&self, _rows: &[InboxRow], _words: &Words) -> Vec<String> {
        Vec::new()
    }
}
