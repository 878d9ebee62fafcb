//! Rate limits in Redis: one hash for each kind of call, which expires with its longest period.

use std::sync::LazyLock;

use crate::Error;
use crate::context::encode;
use crate::rate_limits::store_trait::{RateLimit, RateLimitStore};
use crate::redis::{Client, Idempotency, Request, Script};
use crate::store::{StoreFuture, millis};

static ALLOW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("allow.lua")));

/// The rate limits of a Redis server, or of a Cluster.
pub(super) struct RedisRateLimits {
    client: Client,
}

impl RedisRateLimits {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }
}

impl RateLimitStore for RedisRateLimits {
    fn allow<'a>(
        &'a self,
        app: &'a str,
        what: &'a str,
        limits: &'a [RateLimit],
    ) -> StoreFuture<'a, bool> {
        Box::pin(allow(&self.client, app, what, limits))
    }
}

async fn allow(
    client: &Client,
    app: &str,
    what: &str,
    limits: &[RateLimit],
) -> Result<bool, Error> {
    // A call that is repeated by the connection would be refused by its own count.
    let mut request = Request::new(&ALLOW, Idempotency::NonIdempotent, 1);
    request.arg(format!("{}!limit:{{{}}}", encode(app), encode(what)));
    for limit in limits {
        request.arg(millis(limit.period)).arg(limit.calls);
    }
    let mut reply = client.execute_expecting(&request, "allowed").await?;
    Ok(reply.next::<u64>()? == 1)
}
