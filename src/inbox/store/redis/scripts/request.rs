//! What the requests and the replies of the scripts have in common.

use crate::inbox::key::InboxKey;
use crate::inbox::store::redis::keys::{Part, keys};
use crate::inbox::store::store_trait::Entry;
use crate::redis::{Idempotency, Request, Script};

/// The group of a notification without one.
const NO_GROUP: &str = "0000000000000000";
/// Length of group and position before a member.
const PREFIX: usize = 32;

pub(super) fn request(
    script: &'static Script,
    idempotency: Idempotency,
    inbox: InboxKey<'_>,
    parts: &[Part],
) -> Request {
    let mut request = Request::new(script, idempotency, parts.len());
    request.arg(keys(inbox, parts));
    request
}

/// Returns a notification; `None` for one that another program has damaged.
pub(super) fn entry(is_unread: bool, mut value: Vec<u8>) -> Option<Entry> {
    let member = value.split_off(PREFIX.min(value.len()));
    let prefix = String::from_utf8(value).ok()?;
    let (group, position) = prefix.split_at_checked(NO_GROUP.len())?;
    Some(Entry {
        position: position.parse().ok()?,
        is_unread,
        more: 0,
        group: (group != NO_GROUP).then(|| group.to_owned()),
        member,
    })
}
