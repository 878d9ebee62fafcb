//! Presence in Redis: one sorted set for each partition.

use std::sync::LazyLock;

use crate::context::encode;
use crate::digest::digest;
use crate::inbox::presence::store_trait::{Lease, PresenceStore};
use crate::redis::{Client, Idempotency, Request, Script, parse};
use crate::store::{StoreFuture, millis};
use crate::{Error, Recipient};

/// The commands of the scripts that no script for messages runs, for the health check.
const COMMANDS: [&str; 2] = [
    "ZREMRANGEBYSCORE KEY 0 1",
    // In the past, so that it removes the key.
    "PEXPIREAT KEY 1",
];

static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/renew.lua")));
static ONLINE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/online.lua")));

/// The people who are online, on a Redis server or in a Cluster.
pub(super) struct RedisPresence {
    client: Client,
}

impl RedisPresence {
    pub(super) fn new(client: Client) -> Self {
        client.require_commands(&COMMANDS);
        Self { client }
    }
}

impl PresenceStore for RedisPresence {
    fn partitions(&self) -> usize {
        self.client.partitions().len()
    }

    fn partition_of(&self, recipient: &Recipient) -> usize {
        let [a, b, c, d, ..] = digest("presence", &[recipient.as_str()]);
        u32::from_be_bytes([a, b, c, d]) as usize % self.partitions()
    }

    fn renew<'a>(
        &'a self,
        app: &'a str,
        partition: usize,
        process: &'a str,
        leases: &'a [Lease],
    ) -> StoreFuture<'a, ()> {
        Box::pin(renew(
            &self.client,
            key(&self.client, app, partition),
            process,
            leases,
        ))
    }

    fn online<'a>(&'a self, app: &'a str, partition: usize) -> StoreFuture<'a, Vec<Recipient>> {
        Box::pin(online(&self.client, key(&self.client, app, partition)))
    }
}

/// Returns the key of a partition, `app!online:{tag}`.
fn key(client: &Client, app: &str, partition: usize) -> String {
    let tag = client.partitions().get(partition).unwrap_or(&"0");
    format!("{}!online:{{{tag}}}", encode(app))
}

async fn renew(client: &Client, key: String, process: &str, leases: &[Lease]) -> Result<(), Error> {
    let mut request = Request::new(&RENEW, Idempotency::Idempotent, 1);
    request.arg(key);
    for Lease {
        recipient,
        duration,
    } in leases
    {
        let member = format!("{} {process}", recipient.as_str());
        request.arg(millis(*duration)).arg(member);
    }
    client.execute(&request).await.map(drop)
}

async fn online(client: &Client, key: String) -> Result<Vec<Recipient>, Error> {
    let mut request = Request::new(&ONLINE, Idempotency::ReadOnly, 1);
    request.arg(key);
    let members = client.execute(&request).await?.into_iter();
    // A member of another program must not hide the others.
    let recipients = members.filter_map(|member| recipient(&parse::<String>(member).ok()?));
    Ok(recipients.collect())
}

/// Returns the recipient of a member: what stands before the process.
fn recipient(member: &str) -> Option<Recipient> {
    let (recipient, _process) = member.rsplit_once(' ')?;
    recipient.parse().ok()
}
