//! The Lua scripts of what is mailed, each with one typed function.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use crate::context::encode;
use crate::inbox::key::InboxKey;
use crate::inbox::limits::MAX_AGE;
use crate::inbox::store::mail_store::{MAX_PREFERENCES, Unmailed};
use crate::inbox::store::redis::keys::{self, Part};
use crate::inbox::store::redis::scripts::request::{entry, request};
use crate::inbox::store::store_trait::Entry;
use crate::redis::{Client, Idempotency, Parts, Request, Script};
use crate::store::millis;
use crate::{Error, MessageId};

/// How long a job keeps what it has taken, and how long the last period is remembered. Longer than dead jobs
/// wait for an operator.
const TAKEN_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

static UNMAILED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("unmailed.lua")));
static BEGIN_MAIL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("begin_mail.lua")));
static END_MAIL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("end_mail.lua")));
static PREFERENCES: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("preferences.lua")));
static SET_PREFERENCE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("set_preference.lua")));

static READ_SETTINGS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("read_settings.lua")));
static WRITE_SETTINGS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("write_settings.lua")));

fn entries(values: Vec<Vec<u8>>) -> Vec<Entry> {
    let values = values.into_iter();
    values.filter_map(|value| entry(true, value)).collect()
}

pub(in crate::inbox::store::redis) async fn unmailed(
    client: &Client,
    inbox: InboxKey<'_>,
    only: Option<MessageId>,
) -> Result<Unmailed, Error> {
    let mut request = request(&UNMAILED, Idempotency::ReadOnly, inbox, &keys::UNMAILED);
    request.arg(millis(MAX_AGE));
    request.arg(only.map(|id| id.to_string()).unwrap_or_default());
    let mut reply = client.execute_expecting(&request, "unmailed").await?;
    Ok(Unmailed {
        preferences: reply.next()?,
        last_periods: reply.next()?,
        entries: entries(reply.next()?),
    })
}

pub(in crate::inbox::store::redis) async fn begin_mail(
    client: &Client,
    inbox: InboxKey<'_>,
    job: &str,
    ids: &[MessageId],
) -> Result<Vec<Entry>, Error> {
    let idempotency = Idempotency::Idempotent;
    let mut request = request(&BEGIN_MAIL, idempotency, inbox, &keys::BEGIN_MAIL);
    request.arg(job).arg(millis(TAKEN_TTL));
    for id in ids {
        request.arg(id.to_string());
    }
    let mut reply = client.execute_expecting(&request, "begun").await?;
    Ok(entries(reply.next()?))
}

pub(in crate::inbox::store::redis) async fn end_mail(
    client: &Client,
    inbox: InboxKey<'_>,
    job: &str,
    period: Option<(&str, &str)>,
) -> Result<(), Error> {
    let (name, period) = period.unwrap_or_default();
    let parts = [Part::Digest, Part::Notifications, Part::Removed];
    let mut request = request(&END_MAIL, Idempotency::Idempotent, inbox, &parts);
    request
        .arg(job)
        .arg(millis(TAKEN_TTL))
        .arg(name)
        .arg(period);
    client.execute_expecting(&request, "ended").await?;
    Ok(())
}

pub(in crate::inbox::store::redis) async fn preferences(
    client: &Client,
    inbox: InboxKey<'_>,
) -> Result<HashMap<String, String>, Error> {
    let parts = [Part::Preferences];
    let request = request(&PREFERENCES, Idempotency::ReadOnly, inbox, &parts);
    client
        .execute_expecting(&request, "preferences")
        .await?
        .next()
}

pub(in crate::inbox::store::redis) async fn set_preference(
    client: &Client,
    inbox: InboxKey<'_>,
    kind: &str,
    cadence: Option<&str>,
) -> Result<(), Error> {
    let parts = [Part::Preferences];
    let mut request = request(&SET_PREFERENCE, Idempotency::Idempotent, inbox, &parts);
    request.arg(kind).arg(cadence.unwrap_or_default());
    request.arg(MAX_PREFERENCES);
    let mut reply = Parts::new(client.execute(&request).await?);
    match reply.next::<String>()?.as_str() {
        "set" => Ok(()),
        "full" => Err(Error::full("the recipient has too many preferences")),
        _ => Err(Error::unreadable("a Redis reply")),
    }
}

fn settings_request(script: &'static Script, idempotency: Idempotency, app: &str) -> Request {
    let mut request = Request::new(script, idempotency, 1);
    request.arg(format!("{}!mail", encode(app)));
    request
}

pub(in crate::inbox::store::redis) async fn read_settings(
    client: &Client,
    app: &str,
) -> Result<HashMap<String, String>, Error> {
    let request = settings_request(&READ_SETTINGS, Idempotency::ReadOnly, app);
    let json: String = client
        .execute_expecting(&request, "settings")
        .await?
        .next()?;
    // Those that another version has written may be unreadable.
    Ok(serde_json::from_str(&json).unwrap_or_default())
}

pub(in crate::inbox::store::redis) async fn write_settings(
    client: &Client,
    app: &str,
    fields: &[(String, String)],
) -> Result<(), Error> {
    let idempotency = Idempotency::Idempotent;
    let mut request = settings_request(&WRITE_SETTINGS, idempotency, app);
    let fields: HashMap<_, _> = fields.iter().cloned().collect();
    let json = serde_json::to_string(&fields).map_err(|cause| {
        Error::invalid("settings", "cannot be written as JSON").with_source(cause)
    })?;
    request.arg(json);
    client
        .execute_expecting(&request, "written")
        .await
        .map(drop)
}
