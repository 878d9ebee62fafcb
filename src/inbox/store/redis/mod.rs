//! Inboxes in Redis: every operation is one Lua script.

mod keys;
#[cfg(feature = "mail")]
mod mail;
mod scripts;
#[cfg(feature = "web")]
mod tracking;

#[cfg(feature = "mail")]
pub(super) use self::mail::RedisMails;
pub use self::scripts::{
    COUNTS as COUNTS_SCRIPT, LIST as LIST_SCRIPT, MARK as MARK_SCRIPT, NOTIFY as NOTIFY_SCRIPT,
};
#[cfg(feature = "web")]
pub(super) use self::tracking::InboxTracking;
use crate::MessageId;
use crate::inbox::key::InboxKey;
use crate::inbox::results::InboxCounts;
use crate::inbox::store::store_trait::{
    AddReply, Change, InboxStore, Marked, NewNotification, Page, Place,
};
use crate::redis::Client;
use crate::store::StoreFuture;

/// The commands of the scripts that no script for messages runs, for the health check.
const COMMANDS: [&str; 4] = [
    "ZLEXCOUNT KEY - +",
    "ZREMRANGEBYSCORE KEY 0 1",
    "ZPOPMIN KEY",
    // In the past, so that it removes the key.
    "PEXPIREAT KEY 1",
];

/// The inboxes of a Redis server, or of a Cluster.
pub(super) struct RedisInboxes {
    client: Client,
}

impl RedisInboxes {
    pub(super) fn new(client: Client) -> Self {
        client.require_commands(&COMMANDS);
        Self { client }
    }
}

impl InboxStore for RedisInboxes {
    fn add<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        new: &'a NewNotification<'a>,
    ) -> StoreFuture<'a, AddReply> {
        Box::pin(scripts::add(&self.client, inbox, new))
    }

    fn mark<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        change: Change,
        ids: &'a [MessageId],
    ) -> StoreFuture<'a, Marked> {
        Box::pin(scripts::mark(&self.client, inbox, change, ids))
    }

    fn mark_upto<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        change: Change,
        position: u64,
    ) -> StoreFuture<'a, Marked> {
        let name = scripts::name(change);
        Box::pin(scripts::mark_upto(&self.client, inbox, name, position))
    }

    fn mark_seen<'a>(&'a self, inbox: InboxKey<'a>, position: u64) -> StoreFuture<'a, Marked> {
        Box::pin(scripts::mark_upto(&self.client, inbox, "seen", position))
    }

    fn list<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        place: Place,
        before: u64,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        Box::pin(scripts::list(&self.client, inbox, place, before, limit))
    }

    fn counts<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, InboxCounts> {
        Box::pin(scripts::counts(&self.client, inbox))
    }

    fn erase<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(scripts::erase(&self.client, inbox))
    }
}
