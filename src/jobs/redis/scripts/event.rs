//! The scripts of events, each with one typed function.

use std::sync::LazyLock;
use std::time::Duration;

use crate::Error;
use crate::jobs::event_log::{NewEvent, Published, StoredEvent};
use crate::jobs::id::JobId;
use crate::jobs::redis::keys::{self, keys};
use crate::jobs::store_trait::{MAX_WAITING_PER_DUE, NewJob, QueueKey};
use crate::redis::{Client, Idempotency, Parts, Request, Script};
use crate::store::millis;

/// `publish.lua`, which stores an event with the job that fans it out, for other languages.
pub const PUBLISH: &str = include_str!("publish.lua");

/// Characters of a digest: 32 bytes in base64url.
const DIGEST_CHARS: usize = 43;

static PUBLISH_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(PUBLISH));
static EVENT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("event.lua")));
static EXPIRE_EVENT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("expire_event.lua")));

pub(in crate::jobs::redis) async fn publish(
    client: &Client,
    queue: QueueKey<'_>,
    job: &NewJob,
    event: NewEvent<'_>,
    ttl: Duration,
    max_due: usize,
) -> Result<Published, Error> {
    let record = job.record.encode()?;
    let mut request = Request::new(&PUBLISH_SCRIPT, Idempotency::Idempotent, 3);
    request
        .arg(keys::event_key(client, queue, job.id))
        .arg(keys(client, queue, &keys::PUBLISH))
        .arg(job.id.to_string())
        .arg(record)
        .arg(event.digest)
        .arg(event.body)
        .arg(millis(ttl))
        .arg(max_due)
        .arg(max_due * MAX_WAITING_PER_DUE);
    let mut reply = Parts::new(client.execute(&request).await?);
    match reply.next::<String>()?.as_str() {
        "accepted" => Ok(Published::Accepted),
        "known" => Ok(Published::Known),
        "conflict" => Ok(Published::Conflict),
        "full" => Err(Error::full("the queue of events is full")),
        _ => Err(Error::unreadable("a Redis reply")),
    }
}

pub(in crate::jobs::redis) async fn event(
    client: &Client,
    queue: QueueKey<'_>,
    id: JobId,
) -> Result<Option<StoredEvent>, Error> {
    let mut request = Request::new(&EVENT, Idempotency::ReadOnly, 1);
    request.arg(keys::event_key(client, queue, id));
    let mut reply = client.execute_expecting(&request, "event").await?;
    if reply.len() == 0 {
        return Ok(None);
    }
    let value = reply.next()?;
    let event = decode(value).ok_or_else(|| Error::unreadable("a stored event"))?;
    Ok(Some(event))
}

/// Decodes the value of an event; `None` for one that another program has damaged.
fn decode(mut value: Vec<u8>) -> Option<StoredEvent> {
    let body = value.split_off(value.iter().position(|byte| *byte == b'{')?);
    let accepted = std::str::from_utf8(value.get(DIGEST_CHARS..)?).ok()?;
    let accepted = accepted.parse().ok()?;
    Some(StoredEvent { accepted, body })
}

pub(in crate::jobs::redis) async fn expire_event(
    client: &Client,
    queue: QueueKey<'_>,
    id: JobId,
    ttl: Duration,
    max_ttl: Duration,
) -> Result<(), Error> {
    let mut request = Request::new(&EXPIRE_EVENT, Idempotency::Idempotent, 1);
    request
        .arg(keys::event_key(client, queue, id))
        .arg(millis(ttl))
        .arg(millis(max_ttl));
    client
        .execute_expecting(&request, "expires")
        .await
        .map(drop)
}
