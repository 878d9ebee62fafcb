//! The Lua scripts of deliveries, each with one typed function.

use std::sync::LazyLock;
use std::time::Duration;

use crate::Error;
use crate::context::encode;
use crate::redis::{Client, Idempotency, Parts, Request, Script};
use crate::store::millis;
use crate::webhooks::limits::{REQUEST_TIMEOUT, RESULTS_TTL};
use crate::webhooks::store::store_trait::{
    Delivered, EndpointKey, Permission, RootKey, Sent, Slot,
};

static TAKE_SLOT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take_slot.lua")));
static RELEASE_SLOT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("release_slot.lua")));
static RESET_PACE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("reset_pace.lua")));

static COUNT_RESULT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("count_result.lua")));

/// How long the pace of an endpoint is kept after its last delivery: longer than the time between two attempts of one,
/// over which failures are counted.
const PACE_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn pace_key(key: EndpointKey<'_>) -> String {
    let EndpointKey { app, endpoint } = key;
    format!("{}!pace:{{{}}}", encode(app), encode(endpoint))
}

fn request(script: &'static Script, keys: &[String]) -> Request {
    let mut request = Request::new(script, Idempotency::Idempotent, keys.len());
    for key in keys {
        request.arg(key);
    }
    request
}

/// Checks that a reply concerns the delivery that was asked for: requests of one key differ in it.
fn verify(reply: &mut Parts, job: &str) -> Result<(), Error> {
    match reply.next::<String>()? == job {
        true => Ok(()),
        false => Err(Error::unreadable("a Redis reply")),
    }
}

pub(super) async fn take_slot(
    client: &Client,
    key: EndpointKey<'_>,
    slot: Slot<'_>,
) -> Result<Permission, Error> {
    let pace = pace_key(key);
    let slots = format!("{pace}:slots");
    let mut request = request(&TAKE_SLOT, &[pace, slots]);
    request
        .arg(slot.job)
        .arg(millis(slot.interval))
        .arg(slot.max_in_flight)
        .arg(millis(slot.timeout))
        .arg(millis(PACE_TTL))
        .arg(slot.burst)
        .arg(millis(slot.min_wait))
        .arg(millis(slot.failing_interval))
        .arg(millis(slot.max_ahead))
        .arg(millis(slot.max_ahead.mul_f64(0.5 + slot.jitter / 2.0)));
    let mut reply = client.execute_expecting(&request, "slot").await?;
    verify(&mut reply, slot.job)?;
    Ok(match reply.next()? {
        0 => Permission::Send,
        wait => Permission::Wait(Duration::from_millis(wait)),
    })
}

pub(super) async fn release_slot(
    client: &Client,
    key: EndpointKey<'_>,
    delivered: Delivered<'_>,
) -> Result<Duration, Error> {
    let mut request = request(&RELEASE_SLOT, &[pace_key(key)]);
    request
        .arg(delivered.job)
        .arg(match delivered.sent {
            Sent::Success => "1",
            Sent::Failure => "0",
            Sent::Nothing => "",
        })
        .arg(millis(PACE_TTL))
        .arg(millis(delivered.timeout))
        .arg(millis(REQUEST_TIMEOUT));
    let mut reply = client.execute_expecting(&request, "released").await?;
    verify(&mut reply, delivered.job)?;
    Ok(Duration::from_millis(reply.next()?))
}

pub(super) async fn reset_pace(client: &Client, key: EndpointKey<'_>) -> Result<(), Error> {
    let request = request(&RESET_PACE, &[pace_key(key)]);
    client.execute_expecting(&request, "reset").await.map(drop)
}

pub(super) async fn count_result(
    client: &Client,
    key: RootKey<'_>,
    delivery: &str,
    max: usize,
) -> Result<bool, Error> {
    let RootKey { app, root } = key;
    let key = format!("{}!root:{{{}}}", encode(app), encode(root));
    let mut request = request(&COUNT_RESULT, &[key]);
    request.arg(delivery).arg(max).arg(millis(RESULTS_TTL));
    let mut reply = client.execute_expecting(&request, "counted").await?;
    verify(&mut reply, delivery)?;
    Ok(reply.next::<u64>()? == 1)
}
