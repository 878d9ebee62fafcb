//! Subscriptions in Redis: every operation is one Lua script.

mod keys;
mod scripts;

use futures_util::future::try_join_all;

pub use self::scripts::{
    ADD_FILTER_SET as ADD_FILTER_SET_SCRIPT, INDEX as INDEX_SCRIPT,
    MARK_REMOVAL as MARK_REMOVAL_SCRIPT, REMOVE_FROM_INDEX as REMOVE_FROM_INDEX_SCRIPT,
    SUBSCRIBE as SUBSCRIBE_SCRIPT, SUBSCRIPTIONS as SUBSCRIPTIONS_SCRIPT,
    UNSUBSCRIBE as UNSUBSCRIBE_SCRIPT,
};
use crate::Recipient;
use crate::events::store::store_trait::{
    Activated, IndexKey, NewSubscription, Range, SubscriptionStore, Written,
};
use crate::events::stored::StoredSubscription;
use crate::redis::Client;
use crate::store::StoreFuture;

/// The commands of the scripts that no script for messages runs, for the health check.
const COMMANDS: [&str; 6] = [
    "SADD KEY member",
    "SCARD KEY",
    "SISMEMBER KEY member",
    "SMEMBERS KEY",
    "PERSIST KEY",
    "HGETALL KEY",
];

/// The subscriptions of a Redis server, or of a Cluster.
pub(super) struct RedisSubscriptions {
    client: Client,
}

impl RedisSubscriptions {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }
}

impl SubscriptionStore for RedisSubscriptions {
    fn filter_sets<'a>(
        &'a self,
        app: &'a str,
        event_type: &'a str,
    ) -> StoreFuture<'a, Vec<String>> {
        self.client.require_commands(&COMMANDS);
        Box::pin(scripts::filter_sets(&self.client, app, event_type))
    }

    fn add_filter_set<'a>(
        &'a self,
        app: &'a str,
        event_type: &'a str,
        names: &'a str,
    ) -> StoreFuture<'a, ()> {
        // Not at an erasure, which a site without events runs too.
        self.client.require_commands(&COMMANDS);
        Box::pin(scripts::add_filter_set(
            &self.client,
            app,
            event_type,
            names,
        ))
    }

    fn index<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
    ) -> StoreFuture<'a, ()> {
        Box::pin(scripts::index(&self.client, app, key, recipient))
    }

    fn mark_removal<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
        mark: &'a str,
    ) -> StoreFuture<'a, ()> {
        Box::pin(scripts::mark_removal(
            &self.client,
            app,
            key,
            recipient,
            mark,
        ))
    }

    fn remove_from_index<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        recipient: &'a Recipient,
        mark: Option<&'a str>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(scripts::remove_from_index(
            &self.client,
            app,
            key,
            recipient,
            mark,
        ))
    }

    fn indexed<'a>(
        &'a self,
        app: &'a str,
        key: &'a IndexKey,
        range: Range<'a>,
    ) -> StoreFuture<'a, Vec<String>> {
        Box::pin(scripts::indexed(&self.client, app, key, range))
    }

    fn subscriptions<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        ids: &'a [String],
    ) -> StoreFuture<'a, Vec<(String, StoredSubscription)>> {
        Box::pin(scripts::subscriptions(&self.client, app, recipient, ids))
    }

    fn subscriptions_of<'a>(
        &'a self,
        app: &'a str,
        asked: &'a [(&'a Recipient, Vec<String>)],
    ) -> StoreFuture<'a, Vec<(String, StoredSubscription)>> {
        // In a Cluster each recipient has a hash slot of its own.
        let size = match self.client.is_cluster() {
            true => 1,
            false => asked.len().max(1),
        };
        let parts = asked.chunks(size);
        let parts = parts.map(move |part| scripts::subscriptions_of(&self.client, app, part));
        Box::pin(async { Ok(try_join_all(parts).await?.concat()) })
    }

    fn write_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        new: &'a NewSubscription<'a>,
    ) -> StoreFuture<'a, Written> {
        self.client.require_commands(&COMMANDS);
        Box::pin(scripts::write_subscription(
            &self.client,
            app,
            recipient,
            new,
        ))
    }

    fn activate_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        id: &'a str,
        at: u64,
    ) -> StoreFuture<'a, Activated> {
        Box::pin(scripts::activate_subscription(
            &self.client,
            app,
            recipient,
            id,
            at,
        ))
    }

    fn remove_subscription<'a>(
        &'a self,
        app: &'a str,
        recipient: &'a Recipient,
        id: &'a str,
    ) -> StoreFuture<'a, bool> {
        Box::pin(scripts::remove_subscription(
            &self.client,
            app,
            recipient,
            id,
        ))
    }
}
