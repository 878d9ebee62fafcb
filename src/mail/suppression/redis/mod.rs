//! Suppressed addresses in Redis: one string for each, without expiry.

use std::sync::LazyLock;

use crate::Error;
use crate::context::encode;
use crate::mail::suppression::store_trait::{SuppressionKey, SuppressionStore};
use crate::redis::{Client, Idempotency, Request, Script};
use crate::store::StoreFuture;

static SUPPRESS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("suppress.lua")));
static ALLOW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("allow.lua")));
static IS_SUPPRESSED: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("is_suppressed.lua")));

/// The suppressed addresses of a Redis server, or of a Cluster.
pub(super) struct RedisSuppressions {
    client: Client,
}

impl RedisSuppressions {
    pub(super) fn new(client: Client) -> Self {
        // With an expiry in the past, so that it creates no key.
        client.require_commands(&["SET KEY value PXAT 1"]);
        Self { client }
    }
}

impl SuppressionStore for RedisSuppressions {
    fn suppress<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(suppress(&self.client, key))
    }

    fn allow<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, ()> {
        Box::pin(allow(&self.client, key))
    }

    fn is_suppressed<'a>(&'a self, key: SuppressionKey<'a>) -> StoreFuture<'a, bool> {
        Box::pin(is_suppressed(&self.client, key))
    }
}

fn request(script: &'static Script, idempotency: Idempotency, key: SuppressionKey<'_>) -> Request {
    let mut request = Request::new(script, idempotency, 1);
    let SuppressionKey { app, hash } = key;
    request.arg(format!("{}!suppressed:{{{hash}}}", encode(app)));
    request
}

async fn suppress(client: &Client, key: SuppressionKey<'_>) -> Result<(), Error> {
    let request = request(&SUPPRESS, Idempotency::Idempotent, key);
    client
        .execute_expecting(&request, "suppressed")
        .await
        .map(drop)
}

async fn allow(client: &Client, key: SuppressionKey<'_>) -> Result<(), Error> {
    let request = request(&ALLOW, Idempotency::Idempotent, key);
    client
        .execute_expecting(&request, "allowed")
        .await
        .map(drop)
}

async fn is_suppressed(client: &Client, key: SuppressionKey<'_>) -> Result<bool, Error> {
    let request = request(&IS_SUPPRESSED, Idempotency::ReadOnly, key);
    let mut reply = client.execute_expecting(&request, "is_suppressed").await?;
    Ok(reply.next::<u64>()? == 1)
}
