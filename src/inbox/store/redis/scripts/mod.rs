//! The Lua scripts of inboxes, each with one typed function.

#[cfg(feature = "mail")]
pub(super) mod mail;
mod request;

use std::sync::LazyLock;

use crate::inbox::key::InboxKey;
use crate::inbox::limits::{MAX_AGE, MAX_REMOVED, REMOVED_TTL};
use crate::inbox::results::InboxCounts;
use crate::inbox::store::redis::keys::{self, Part};
use crate::inbox::store::redis::scripts::request::{entry, request};
use crate::inbox::store::store_trait::{
    AddOutcome, AddReply, Change, Marked, NewNotification, Page, Place,
};
use crate::redis::{Client, Idempotency, Parts, Request, Script};
use crate::store::millis;
use crate::{Error, MessageId};

/// The script that adds a notification to an inbox: `limits.lua`, `remove.lua` and `add.lua`.
/// Writers in other languages run it with `EVAL`. The header of `add.lua` lists KEYS, ARGV and
/// replies.
pub const NOTIFY: &str = concat!(
    include_str!("limits.lua"),
    include_str!("remove.lua"),
    include_str!("add.lua")
);
/// The script that changes notifications by their ids: `remove.lua` and `mark.lua`, for other
/// languages.
pub const MARK: &str = concat!(include_str!("remove.lua"), include_str!("mark.lua"));
/// `list.lua`, which lists the notifications of an inbox, for other languages.
pub const LIST: &str = include_str!("list.lua");
/// `counts.lua`, which counts the notifications of an inbox, for other languages.
pub const COUNTS: &str = include_str!("counts.lua");

static NOTIFY_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(NOTIFY));
static MARK_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(MARK));
static LIST_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(LIST));
static COUNTS_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(COUNTS));
static MARK_UPTO_SCRIPT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("mark_upto.lua")));
static ERASE_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("erase.lua")));

pub(super) async fn add(
    client: &Client,
    inbox: InboxKey<'_>,
    new: &NewNotification<'_>,
) -> Result<AddReply, Error> {
    let mut parts = keys::ADD.to_vec();
    if new.mail.is_some() {
        parts.extend(keys::ADD_MAIL);
    }
    let mut request = request(&NOTIFY_SCRIPT, Idempotency::Idempotent, inbox, &parts);
    request
        .arg(if new.is_unread { "unread" } else { "read" })
        .arg(new.group.unwrap_or_default())
        .arg(new.order.to_string())
        .arg(new.member);
    if let Some(mail) = &new.mail {
        request
            .arg(mail.default_cadence.as_str())
            .arg(mail.kind.unwrap_or_default());
    }
    let mut reply = Parts::new(client.execute(&request).await?);
    let outcome = match reply.next::<String>()?.as_str() {
        "added" => AddOutcome::Added {
            position: reply.next()?,
            displaced: reply.next()?,
        },
        "duplicate" => AddOutcome::Duplicate,
        "removed" => AddOutcome::Removed,
        "superseded" => AddOutcome::Superseded,
        "erased" => AddOutcome::Erased,
        _ => return Err(Error::unreadable("a Redis reply")),
    };
    let cadence = match reply.len() {
        0 => String::new(),
        _ => reply.next()?,
    };
    Ok(AddReply { outcome, cadence })
}

/// Returns the name of a change in the scripts.
pub(super) fn name(change: Change) -> &'static str {
    match change {
        Change::Read => "read",
        Change::Unread => "unread",
        Change::Archive => "archive",
        Change::Restore => "restore",
        Change::RestoreUnread => "restore-unread",
        Change::Delete => "delete",
    }
}

pub(super) async fn mark(
    client: &Client,
    inbox: InboxKey<'_>,
    change: Change,
    ids: &[MessageId],
) -> Result<Marked, Error> {
    let mut request = request(&MARK_SCRIPT, Idempotency::Idempotent, inbox, &keys::MARK);
    request
        .arg(name(change))
        .arg(millis(MAX_AGE))
        .arg(millis(REMOVED_TTL))
        .arg(MAX_REMOVED);
    for id in ids {
        request.arg(id.to_string());
    }
    marked(client, request).await
}

/// `change`: `read`, `archive` or `seen`.
pub(super) async fn mark_upto(
    client: &Client,
    inbox: InboxKey<'_>,
    change: &str,
    position: u64,
) -> Result<Marked, Error> {
    let mut request = request(
        &MARK_UPTO_SCRIPT,
        Idempotency::Idempotent,
        inbox,
        &keys::MARK_UPTO,
    );
    request.arg(change).arg(millis(MAX_AGE)).arg(position);
    marked(client, request).await
}

async fn marked(client: &Client, request: Request) -> Result<Marked, Error> {
    let mut reply = Parts::new(client.execute(&request).await?);
    Ok(Marked {
        changed: reply.next()?,
        unread: reply.next()?,
        unseen: reply.next()?,
    })
}

pub(super) async fn list(
    client: &Client,
    inbox: InboxKey<'_>,
    place: Place,
    before: u64,
    limit: usize,
) -> Result<Page, Error> {
    let parts = [place.into(), Part::Notifications, Part::Unread, Part::State];
    let mut request = request(&LIST_SCRIPT, Idempotency::ReadOnly, inbox, &parts);
    request.arg(millis(MAX_AGE));
    match before {
        u64::MAX => request.arg("+inf"),
        before => request.arg(before),
    };
    request.arg(limit);
    let mut reply = Parts::new(client.execute(&request).await?);
    let (unread, unseen) = (reply.next()?, reply.next()?);
    let has_more = reply.next::<u64>()? == 1;
    let (states, displaced): (String, Vec<(usize, u64)>) = (reply.next()?, reply.next()?);
    let values: Vec<Vec<u8>> = reply.next()?;
    let entries = states.chars().zip(values);
    let mut entries: Vec<_> = entries
        .map(|(state, value)| entry(state == 'u', value))
        .collect();
    for (row, more) in displaced {
        if let Some(Some(entry)) = row.checked_sub(1).and_then(|index| entries.get_mut(index)) {
            entry.more = more;
        }
    }
    Ok(Page {
        unread,
        unseen,
        has_more,
        entries: entries.into_iter().flatten().collect(),
    })
}

pub(super) async fn counts(client: &Client, inbox: InboxKey<'_>) -> Result<InboxCounts, Error> {
    let mut request = request(&COUNTS_SCRIPT, Idempotency::ReadOnly, inbox, &keys::COUNTS);
    request.arg(millis(MAX_AGE));
    let mut reply = Parts::new(client.execute(&request).await?);
    Ok(InboxCounts {
        unread: reply.next()?,
        unseen: reply.next()?,
        total: reply.next()?,
        newest: reply.next()?,
    })
}

pub(super) async fn erase(client: &Client, inbox: InboxKey<'_>) -> Result<(), Error> {
    let mut request = request(&ERASE_SCRIPT, Idempotency::Idempotent, inbox, &keys::ERASE);
    request.arg(millis(REMOVED_TTL));
    let mut reply = Parts::new(client.execute(&request).await?);
    match reply.next::<String>()?.as_str() {
        "unlinked" => Ok(()),
        _ => Err(Error::unreadable("a Redis reply")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::limits::{
        EXPIRY_INTERVAL, MAX_AGED_PER_ADD, MAX_IN_GROUP, MAX_NOTIFICATIONS, MAX_UNMAILED,
    };

    #[test]
    fn limits_of_add_script_are_those_of_crate() {
        let limits = [
            ("max_age_ms", millis(MAX_AGE)),
            ("max_notifications", MAX_NOTIFICATIONS as u64),
            ("max_in_group", MAX_IN_GROUP as u64),
            ("removed_ttl_ms", millis(REMOVED_TTL)),
            ("max_removed", MAX_REMOVED as u64),
            ("max_aged", MAX_AGED_PER_ADD as u64),
            ("expiry_interval_ms", millis(EXPIRY_INTERVAL)),
            ("max_unmailed", MAX_UNMAILED as u64),
        ];
        let lines = limits.map(|(name, value)| format!("local {name} = {value}\n"));
        let script = include_str!("limits.lua").lines();
        let script: Vec<_> = script.filter(|line| !line.starts_with("--")).collect();
        assert_eq!(script.join("\n") + "\n", lines.concat());
    }
}
