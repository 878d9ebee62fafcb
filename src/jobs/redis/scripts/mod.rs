//! The Lua scripts of queues, each with one typed function.

#[cfg(feature = "events")]
pub(super) mod event;

use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use crate::Error;
use crate::jobs::id::JobId;
use crate::jobs::limits::{DEAD_TTL, DONE_TTL, MAX_DEAD, MAX_DONE};
use crate::jobs::record::StoredJob;
use crate::jobs::redis::keys::{self, Part, keys};
use crate::jobs::store_trait::{
    Claimed, Cursor, JobCounts, JobState, Limit, MAX_CLAIMS, MAX_JOBS_PER_CALL, MAX_REPORT_CLAIMS,
    MAX_SHARED_CLAIMS, MAX_WAITING_PER_DUE, NewJob, Next, QueueKey, SUSPECT_DELAY,
};
use crate::redis::{Client, Idempotency, Parts, Request, Script};
use crate::store::millis;

static ENQUEUE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("enqueue.lua")));
static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("claim.lua")));
static FINISH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("finish.lua")));
static RETRY: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("retry.lua")));
static REPLAY: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("replay.lua")));
static IS_LEASED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("is_leased.lua")));
static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("list.lua")));
static NEWEST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("newest.lua")));
static COUNTS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("counts.lua")));
static TRIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("trim.lua")));

fn request(
    client: &Client,
    script: &'static Script,
    idempotency: Idempotency,
    queue: QueueKey<'_>,
    parts: &[Part],
) -> Request {
    let mut request = Request::new(script, idempotency, parts.len());
    request.arg(keys(client, queue, parts));
    request
}

fn unreadable() -> Error {
    Error::unreadable("a Redis reply")
}

pub(super) async fn enqueue(
    client: &Client,
    queue: QueueKey<'_>,
    jobs: &[NewJob],
    max_due: usize,
) -> Result<u64, Error> {
    let idempotency = Idempotency::Idempotent;
    let mut request = request(client, &ENQUEUE, idempotency, queue, &keys::ENQUEUE);
    request.arg(max_due).arg(max_due * MAX_WAITING_PER_DUE);
    for job in jobs {
        let record = job.record.encode()?;
        request.arg(job.id.to_string()).arg(job.time).arg(record);
    }
    let mut reply = Parts::new(client.execute(&request).await?);
    match reply.next::<String>()?.as_str() {
        "added" => reply.next(),
        "full" => Err(Error::full("the queue is full")),
        _ => Err(unreadable()),
    }
}

pub(super) async fn claim(
    client: &Client,
    queue: QueueKey<'_>,
    lease: Duration,
    limit: Limit,
) -> Result<Claimed, Error> {
    // A claim that runs twice leases other jobs.
    let idempotency = Idempotency::NonIdempotent;
    let mut request = request(client, &CLAIM, idempotency, queue, &keys::CLAIM);
    request.arg(millis(lease)).arg(limit.jobs).arg(MAX_CLAIMS);
    request
        .arg(MAX_SHARED_CLAIMS)
        .arg(limit.suspects)
        .arg(MAX_JOBS_PER_CALL)
        .arg(MAX_REPORT_CLAIMS)
        .arg(millis(SUSPECT_DELAY));
    let mut reply = client.execute_expecting(&request, "claimed").await?;
    let (now, lease_end) = (reply.next()?, reply.next()?);
    let mut claimed = Claimed {
        now,
        crashed: reply.next()?,
        next_time: reply.next::<String>()?.parse().ok(),
        waiting: reply.next()?,
        dead: reply.next()?,
        first_time: reply.next::<String>()?.parse().ok(),
        jobs: Vec::new(),
    };
    while reply.len() > 0 {
        let (id, value): (String, Vec<u8>) = (reply.next()?, reply.next()?);
        claimed.jobs.extend(stored(&id, lease_end, &value));
    }
    Ok(claimed)
}

/// Returns a job; `None` for one that another program has damaged.
fn stored(id: &str, time: u64, value: &[u8]) -> Option<StoredJob> {
    let (claims, record) = value.split_first()?;
    Some(StoredJob {
        id: JobId::from_str(id).ok()?,
        time,
        claims: char::from(*claims).to_digit(10)?,
        record: serde_json::from_slice(record).ok()?,
    })
}

pub(super) async fn finish(
    client: &Client,
    queue: QueueKey<'_>,
    ids: &[JobId],
) -> Result<u64, Error> {
    let idempotency = Idempotency::Idempotent;
    let request = request(client, &FINISH, idempotency, queue, &keys::FINISH);
    client
        .execute_expecting(&with_ids(request, ids), "finished")
        .await?
        .next()
}

fn with_ids(mut request: Request, ids: &[JobId]) -> Request {
    for id in ids {
        request.arg(id.to_string());
    }
    request
}

pub(super) async fn retry(
    client: &Client,
    queue: QueueKey<'_>,
    job: &StoredJob,
    next: Next,
) -> Result<bool, Error> {
    let idempotency = Idempotency::Idempotent;
    let mut request = request(client, &RETRY, idempotency, queue, &keys::RETRY);
    request.arg(job.id.to_string()).arg(job.time);
    match next {
        Next::After(delay) => request.arg(millis(delay)),
        Next::Dead => request.arg("dead"),
    };
    request.arg(job.claims).arg(job.record.encode()?);
    let mut reply = Parts::new(client.execute(&request).await?);
    match reply.next::<String>()?.as_str() {
        "retried" => Ok(true),
        "late" => Ok(false),
        _ => Err(unreadable()),
    }
}

pub(super) async fn replay(
    client: &Client,
    queue: QueueKey<'_>,
    ids: &[JobId],
) -> Result<u64, Error> {
    let idempotency = Idempotency::Idempotent;
    let request = request(client, &REPLAY, idempotency, queue, &keys::REPLAY);
    client
        .execute_expecting(&with_ids(request, ids), "replayed")
        .await?
        .next()
}

pub(super) async fn is_leased(
    client: &Client,
    queue: QueueKey<'_>,
    id: JobId,
) -> Result<Option<bool>, Error> {
    let idempotency = Idempotency::ReadOnly;
    let mut request = request(client, &IS_LEASED, idempotency, queue, &keys::IS_LEASED);
    request.arg(id.to_string());
    let mut reply = client.execute_expecting(&request, &id.to_string()).await?;
    match reply.next::<String>()?.as_str() {
        "none" => Ok(None),
        "idle" => Ok(Some(false)),
        "leased" => Ok(Some(true)),
        _ => Err(unreadable()),
    }
}

pub(super) async fn list(
    client: &Client,
    queue: QueueKey<'_>,
    state: JobState,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<StoredJob>, Error> {
    let parts = [place(state), Part::Jobs];
    let mut request = request(client, &LIST, Idempotency::ReadOnly, queue, &parts);
    match after {
        Some(Cursor { time, id }) => request.arg(time).arg(id.to_string()),
        None => request.arg("-inf").arg(""),
    };
    request.arg(limit);
    listed(client, &request).await
}

pub(super) async fn newest(
    client: &Client,
    queue: QueueKey<'_>,
    state: JobState,
    limit: usize,
) -> Result<Vec<StoredJob>, Error> {
    let parts = [place(state), Part::Jobs];
    let mut request = request(client, &NEWEST, Idempotency::ReadOnly, queue, &parts);
    request.arg(limit);
    listed(client, &request).await
}

fn place(state: JobState) -> Part {
    match state {
        JobState::Waiting => Part::Due,
        JobState::Dead => Part::Dead,
    }
}

/// Returns the jobs of the reply of a script that lists them.
async fn listed(client: &Client, request: &Request) -> Result<Vec<StoredJob>, Error> {
    let mut reply = client.execute_expecting(request, "listed").await?;
    let mut jobs = Vec::new();
    while reply.len() > 0 {
        let (id, time): (String, u64) = (reply.next()?, reply.next()?);
        let value: Vec<u8> = reply.next()?;
        jobs.extend(stored(&id, time, &value));
    }
    Ok(jobs)
}

pub(super) async fn counts(client: &Client, queue: QueueKey<'_>) -> Result<JobCounts, Error> {
    let request = request(client, &COUNTS, Idempotency::ReadOnly, queue, &keys::COUNTS);
    let mut reply = client.execute_expecting(&request, "counts").await?;
    Ok(JobCounts {
        due: reply.next()?,
        later: reply.next()?,
        dead: reply.next()?,
        latency: Duration::from_millis(reply.next()?),
    })
}

pub(super) async fn trim(client: &Client, queue: QueueKey<'_>) -> Result<u64, Error> {
    let idempotency = Idempotency::Idempotent;
    let mut request = request(client, &TRIM, idempotency, queue, &keys::TRIM);
    request.arg(millis(DONE_TTL)).arg(MAX_DONE);
    request.arg(millis(DEAD_TTL)).arg(MAX_DEAD);
    request.arg(MAX_JOBS_PER_CALL);
    client
        .execute_expecting(&request, "forgotten")
        .await?
        .next()
}
