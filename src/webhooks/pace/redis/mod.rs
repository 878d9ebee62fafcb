//! The pace of endpoints in Redis: every operation is one Lua script.

mod scripts;

use std::time::Duration;

use crate::redis::Client;
use crate::store::StoreFuture;
use crate::webhooks::pace::store_trait::{Delivered, PaceKey, PaceStore, Permission, Slot};

/// The commands of the scripts that no script for messages runs, for the health check.
const COMMANDS: [&str; 2] = ["HGETALL KEY", "HSETNX KEY field value"];

/// The pace of the endpoints of a Redis server, or of a Cluster.
pub(super) struct RedisPace {
    client: Client,
}

impl RedisPace {
    pub(super) fn new(client: Client) -> Self {
        client.require_commands(&COMMANDS);
        Self { client }
    }
}

impl PaceStore for RedisPace {
    fn take_slot<'a>(&'a self, key: PaceKey<'a>, slot: Slot<'a>) -> StoreFuture<'a, Permission> {
        Box::pin(scripts::take_slot(&self.client, key, slot))
    }

    fn release_slot<'a>(
        &'a self,
        key: PaceKey<'a>,
        delivered: Delivered<'a>,
    ) -> StoreFuture<'a, Duration> {
        Box::pin(scripts::release_slot(&self.client, key, delivered))
    }

    fn reset_pace<'a>(&'a self, key: PaceKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(scripts::reset_pace(&self.client, key))
    }
}
