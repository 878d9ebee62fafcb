//! The bell: the number of unread notifications on every page.

use crate::inbox::changes::{ChangeKey, InboxChanges};
use crate::inbox::key::InboxKey;
use crate::inbox::store;
use crate::render::Escaped;
use crate::{Error, Recipient, Salver};

/// The highest number that is shown. Assistive technology always gets the exact one.
const MAX_SHOWN: u64 = 99;

/// Returns the content of the element for a number of unread notifications and the text that names it; empty for 0.
pub(super) fn html(unread: u64, text: &str) -> String {
    if unread == 0 {
        return String::new();
    }
    let shown = match unread > MAX_SHOWN {
        true => format!("{MAX_SHOWN}+"),
        false => unread.to_string(),
    };
    format!(
        concat!(
            r#"<span class="salver-bell-count" data-salver-unread="{}" aria-hidden="true">{}</span>"#,
            r#"<span class="salver-bell-text">{}</span>"#
        ),
        unread,
        shown,
        Escaped(text)
    )
}

/// Returns the unread count of a recipient if it is known without a store call. Where this process
/// cannot know it, 0: the stream fills the bell.
pub(super) fn known_unread(salver: &Salver, recipient: &Recipient) -> Option<u64> {
    let changes = store::changes_of(salver).ok()?;
    known_in(&changes, &key(salver, recipient))
}

fn known_in(changes: &InboxChanges, key: &ChangeKey) -> Option<u64> {
    match changes.keeps_counts() {
        true => changes.unread(key),
        false => Some(0),
    }
}

/// Returns the unread count of a recipient, and keeps it until the inbox changes.
///
/// # Errors
///
/// As [`Inbox::counts`](crate::Inbox::counts).
pub(super) async fn unread(salver: &Salver, recipient: &Recipient) -> Result<u64, Error> {
    let (changes, key) = (store::changes_of(salver)?, key(salver, recipient));
    if let Some(unread) = known_in(&changes, &key) {
        return Ok(unread);
    }
    let query = changes.begin_query(&key);
    let counts = salver.inbox(recipient).counts().await?;
    changes.finish_query(&key, query, counts.unread);
    Ok(counts.unread)
}

pub(super) fn key(salver: &Salver, recipient: &Recipient) -> ChangeKey {
    ChangeKey::of(InboxKey {
        app: salver.app(),
        recipient,
    })
}
