//! The Lua scripts of subscriptions, each with one typed function.

use std::sync::LazyLock;

use crate::events::limits::{
    ACTIVATION_TTL, KEEP_LINK, MAX_FILTER_SETS, MAX_SUBSCRIPTIONS, PENDING_TTL, REMOVAL_TTL,
};
use crate::events::store::redis::keys;
use crate::events::store::store_trait::{Activated, IndexKey, NewSubscription, Range, Written};
use crate::events::stored::{State, StoredSubscription};
use crate::redis::{Client, Idempotency, Parts, Request, Script};
use crate::store::millis;
use crate::{Error, Recipient};

/// `add_filter_set.lua`, the first step of a subscription, for other languages.
pub const ADD_FILTER_SET: &str = include_str!("add_filter_set.lua");
/// `index.lua`, the second and the fourth step of a subscription, for other languages.
pub const INDEX: &str = include_str!("index.lua");
/// `mark_removal.lua`, the second step by which a subscription ends, for other languages.
pub const MARK_REMOVAL: &str = include_str!("mark_removal.lua");
/// `write_subscription.lua`, the third step of a subscription, for other languages.
pub const SUBSCRIBE: &str = include_str!("write_subscription.lua");
/// `remove_subscription.lua`, the first step by which a subscription ends, for other languages.
pub const UNSUBSCRIBE: &str = include_str!("remove_subscription.lua");
/// `remove_from_index.lua`, the last step by which a subscription ends, for other languages.
pub const REMOVE_FROM_INDEX: &str = include_str!("remove_from_index.lua");
/// `subscriptions.lua`, which reads the subscriptions of a recipient, for other languages.
pub const SUBSCRIPTIONS: &str = include_str!("subscriptions.lua");

macro_rules! scripts {
    ($($name:ident = $source:expr;)*) => {
        $(static $name: LazyLock<Script> = LazyLock::new(|| Script::new($source));)*
    };
}

scripts! {
    FILTER_SETS_SCRIPT = include_str!("filter_sets.lua");
    ADD_FILTER_SET_SCRIPT = ADD_FILTER_SET;
    INDEX_SCRIPT = INDEX;
    MARK_REMOVAL_SCRIPT = MARK_REMOVAL;
    REMOVE_FROM_INDEX_SCRIPT = REMOVE_FROM_INDEX;
    INDEXED_SCRIPT = include_str!("indexed.lua");
    SUBSCRIPTIONS_SCRIPT = SUBSCRIPTIONS;
    SUBSCRIPTIONS_OF_SCRIPT = include_str!("subscriptions_of.lua");
    SUBSCRIBE_SCRIPT = SUBSCRIBE;
    ACTIVATE_SCRIPT = include_str!("activate_subscription.lua");
    REMOVE_SUBSCRIPTION_SCRIPT = UNSUBSCRIBE;
}

fn read(script: &'static Script, key: String) -> Request {
    request(script, Idempotency::ReadOnly, key)
}

fn write(script: &'static Script, key: String) -> Request {
    request(script, Idempotency::Idempotent, key)
}

fn request(script: &'static Script, idempotency: Idempotency, key: String) -> Request {
    let mut request = Request::new(script, idempotency, 1);
    request.arg(key);
    request
}

/// Checks that a reply concerns what was asked for: requests of one key differ in it.
fn verify(reply: &mut Parts, asked: &str) -> Result<(), Error> {
    match reply.next::<String>()? == asked {
        true => Ok(()),
        false => Err(Error::unreadable("a Redis reply")),
    }
}

pub(super) async fn filter_sets(
    client: &Client,
    app: &str,
    event_type: &str,
) -> Result<Vec<String>, Error> {
    let request = read(&FILTER_SETS_SCRIPT, keys::filter_sets_key(app, event_type));
    texts(client.execute_expecting(&request, "filter_sets").await?)
}

fn texts(mut reply: Parts) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    while reply.len() > 0 {
        texts.push(reply.next()?);
    }
    Ok(texts)
}

pub(super) async fn add_filter_set(
    client: &Client,
    app: &str,
    event_type: &str,
    names: &str,
) -> Result<(), Error> {
    let mut request = write(
        &ADD_FILTER_SET_SCRIPT,
        keys::filter_sets_key(app, event_type),
    );
    request.arg(names).arg(MAX_FILTER_SETS);
    let mut reply = Parts::new(client.execute(&request).await?);
    match reply.next::<String>()?.as_str() {
        "added" => Ok(()),
        "full" => Err(Error::full("the event type has too many sets of filters")),
        _ => Err(Error::unreadable("a Redis reply")),
    }
}

pub(super) async fn index(
    client: &Client,
    app: &str,
    key: &IndexKey,
    recipient: &Recipient,
) -> Result<(), Error> {
    let request = change_of_index(&INDEX_SCRIPT, app, key, recipient);
    client
        .execute_expecting(&request, "indexed")
        .await
        .map(drop)
}

pub(super) async fn mark_removal(
    client: &Client,
    app: &str,
    key: &IndexKey,
    recipient: &Recipient,
    mark: &str,
) -> Result<(), Error> {
    let mut request = write(&MARK_REMOVAL_SCRIPT, keys::removals_key(app, key));
    request
        .arg(recipient.as_str())
        .arg(mark)
        .arg(millis(REMOVAL_TTL));
    client.execute_expecting(&request, "marked").await.map(drop)
}

pub(super) async fn remove_from_index(
    client: &Client,
    app: &str,
    key: &IndexKey,
    recipient: &Recipient,
    mark: Option<&str>,
) -> Result<(), Error> {
    let mut request = change_of_index(&REMOVE_FROM_INDEX_SCRIPT, app, key, recipient);
    request.arg(mark.unwrap_or_default());
    client
        .execute_expecting(&request, "removed")
        .await
        .map(drop)
}

/// Returns a request that concerns a recipient in a set.
fn change_of_index(
    script: &'static Script,
    app: &str,
    key: &IndexKey,
    recipient: &Recipient,
) -> Request {
    let mut request = Request::new(script, Idempotency::Idempotent, 2);
    request
        .arg(keys::index_key(app, key))
        .arg(keys::removals_key(app, key))
        .arg(recipient.as_str());
    request
}

pub(super) async fn indexed(
    client: &Client,
    app: &str,
    key: &IndexKey,
    range: Range<'_>,
) -> Result<Vec<String>, Error> {
    let first = match range.after.is_empty() {
        true => format!("[{}", range.prefix),
        false => format!("({}", range.after),
    };
    // No byte of UTF-8 is as great.
    let mut end = format!("({}", range.prefix).into_bytes();
    end.push(0xff);
    let mut request = read(&INDEXED_SCRIPT, keys::index_key(app, key));
    request.arg(&first).arg(end).arg(range.limit);
    let mut reply = client.execute_expecting(&request, "members").await?;
    verify(&mut reply, &first)?;
    texts(reply)
}

pub(super) async fn subscriptions(
    client: &Client,
    app: &str,
    recipient: &Recipient,
    ids: &[String],
) -> Result<Vec<(String, StoredSubscription)>, Error> {
    let mut request = read(
        &SUBSCRIPTIONS_SCRIPT,
        keys::subscriptions_key(app, recipient),
    );
    for id in ids {
        request.arg(id.as_str());
    }
    let mut reply = client.execute_expecting(&request, "subscriptions").await?;
    verify(&mut reply, ids.first().map_or("", String::as_str))?;
    decode(reply)
}

/// Decodes ids, each with a subscription.
fn decode(mut reply: Parts) -> Result<Vec<(String, StoredSubscription)>, Error> {
    let mut all = Vec::new();
    while reply.len() > 0 {
        let (id, json): (String, Vec<u8>) = (reply.next()?, reply.next()?);
        // Another program may have damaged it.
        let stored = serde_json::from_slice(&json).ok();
        all.extend(stored.map(|stored| (id, stored)));
    }
    Ok(all)
}

/// The id of a subscription is derived from its recipient too, so that those of all are different.
pub(super) async fn subscriptions_of(
    client: &Client,
    app: &str,
    asked: &[(&Recipient, Vec<String>)],
) -> Result<Vec<(String, StoredSubscription)>, Error> {
    let script = &SUBSCRIPTIONS_OF_SCRIPT;
    let mut request = Request::new(script, Idempotency::ReadOnly, asked.len());
    for (recipient, _) in asked {
        request.arg(keys::subscriptions_key(app, recipient));
    }
    for (_, ids) in asked {
        request.arg(ids.len()).arg(ids);
    }
    let mut reply = client
        .execute_expecting(&request, "subscriptions_of")
        .await?;
    let first = asked.iter().flat_map(|(_, ids)| ids).next();
    verify(&mut reply, first.map_or("", String::as_str))?;
    decode(reply)
}

pub(super) async fn write_subscription(
    client: &Client,
    app: &str,
    recipient: &Recipient,
    new: &NewSubscription<'_>,
) -> Result<Written, Error> {
    let mut request = write(&SUBSCRIBE_SCRIPT, keys::subscriptions_key(app, recipient));
    request
        .arg(new.id)
        .arg(new.state.name())
        .arg(new.fields.encode()?)
        .arg(millis(KEEP_LINK))
        .arg(millis(PENDING_TTL))
        .arg(MAX_SUBSCRIPTIONS);
    if let Some(since) = new.since {
        request.arg(since);
    }
    let mut reply = Parts::new(client.execute(&request).await?);
    match reply.next::<String>()?.as_str() {
        "written" => {}
        "full" => return Err(Error::full("the recipient has too many subscriptions")),
        _ => return Err(Error::unreadable("a Redis reply")),
    }
    verify(&mut reply, new.id)?;
    let state = match reply.next::<String>()?.as_str() {
        "active" => State::Active,
        "merging" => State::Merging,
        "merged" => State::Merged,
        _ => State::Pending,
    };
    let at = reply.next::<String>()?.parse();
    Ok(Written {
        state,
        at: at.map_err(|_| Error::unreadable("a Redis reply"))?,
    })
}

pub(super) async fn activate_subscription(
    client: &Client,
    app: &str,
    recipient: &Recipient,
    id: &str,
    at: u64,
) -> Result<Activated, Error> {
    let mut request = write(&ACTIVATE_SCRIPT, keys::subscriptions_key(app, recipient));
    request.arg(id).arg(at).arg(millis(ACTIVATION_TTL));
    let mut reply = Parts::new(client.execute(&request).await?);
    let outcome = match reply.next::<String>()?.as_str() {
        "activated" => Activated::Active,
        "expired" => Activated::Expired,
        _ => return Err(Error::unreadable("a Redis reply")),
    };
    verify(&mut reply, id)?;
    Ok(outcome)
}

pub(super) async fn remove_subscription(
    client: &Client,
    app: &str,
    recipient: &Recipient,
    id: &str,
) -> Result<bool, Error> {
    let mut request = write(
        &REMOVE_SUBSCRIPTION_SCRIPT,
        keys::subscriptions_key(app, recipient),
    );
    request.arg(id);
    let mut reply = client.execute_expecting(&request, "deleted").await?;
    verify(&mut reply, id)?;
    Ok(reply.next::<u64>()? == 1)
}
