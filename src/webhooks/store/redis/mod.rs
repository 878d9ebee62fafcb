//! What deliveries have in common in Redis: every operation is one Lua script.

mod scripts;

use std::time::Duration;

use crate::redis::Client;
use crate::store::StoreFuture;
use crate::webhooks::store::store_trait::{
    Delivered, DeliveryStore, EndpointKey, Permission, RootKey, Slot,
};

/// The commands of the scripts that no script for messages runs, for the health check.
const COMMANDS: [&str; 4] = [
    "HGETALL KEY",
    "HSETNX KEY field value",
    "SADD KEY member",
    "SCARD KEY",
];

/// The pace of the endpoints and the results of a Redis server, or of a Cluster.
pub(super) struct RedisDeliveries {
    client: Client,
}

impl RedisDeliveries {
    pub(super) fn new(client: Client) -> Self {
        client.require_commands(&COMMANDS);
        Self { client }
    }
}

impl DeliveryStore for RedisDeliveries {
    fn take_slot<'a>(
        &'a self,
        key: EndpointKey<'a>,
        slot: Slot<'a>,
    ) -> StoreFuture<'a, Permission> {
        Box::pin(scripts::take_slot(&self.client, key, slot))
    }

    fn release_slot<'a>(
        &'a self,
        key: EndpointKey<'a>,
        delivered: Delivered<'a>,
    ) -> StoreFuture<'a, Duration> {
        Box::pin(scripts::release_slot(&self.client, key, delivered))
    }

    fn reset_pace<'a>(&'a self, key: EndpointKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(scripts::reset_pace(&self.client, key))
    }

    fn count_result<'a>(
        &'a self,
        key: RootKey<'a>,
        delivery: &'a str,
        max: usize,
    ) -> StoreFuture<'a, bool> {
        Box::pin(scripts::count_result(&self.client, key, delivery, max))
    }
}
