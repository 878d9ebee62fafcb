//! Endpoints in Redis: one hash for all of an application.

mod scripts;

use crate::events::endpoints::store_trait::{Change, Changed, EndpointStore, Listing};
use crate::redis::Client;
use crate::store::StoreFuture;

/// The commands of the scripts that no script for messages runs, for the health check.
const COMMANDS: [&str; 1] = ["HGETALL KEY"];

/// The endpoints of a Redis server, or of a Cluster.
pub(super) struct RedisEndpoints {
    client: Client,
}

impl RedisEndpoints {
    pub(super) fn new(client: Client) -> Self {
        client.require_commands(&COMMANDS);
        Self { client }
    }
}

impl EndpointStore for RedisEndpoints {
    fn endpoints<'a>(&'a self, app: &'a str, known: &'a str) -> StoreFuture<'a, Listing> {
        Box::pin(scripts::read_endpoints(&self.client, app, known))
    }

    fn change_endpoint<'a>(&'a self, app: &'a str, change: Change<'a>) -> StoreFuture<'a, Changed> {
        Box::pin(scripts::change_endpoint(&self.client, app, change))
    }
}
