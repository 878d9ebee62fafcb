//! Adding messages.

use std::sync::LazyLock;

use ::redis::Value;

use crate::config::{Limits, WhenFull};
use crate::redis::{Idempotency, Parts, Request, Script};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{build_request, parse_session};
use crate::store::{AddOutcome, millis};
use crate::wire::EncodedMessage;
use crate::{Context, Error};

/// `add.lua`, which writers in other languages run with `EVAL`. Its KEYS and ARGV are part of wire
/// v1.
pub const ADD: &str = include_str!("add.lua");

static ADD_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(ADD));

/// Builds the request of an add. The caller chooses the connection.
pub(crate) fn add(context: &Context, messages: &[EncodedMessage], limits: &Limits) -> Request {
    let keys = [Key::context(context), Key::session_index(context)];
    let mut request = build_request(&ADD_SCRIPT, Idempotency::Idempotent, &keys);
    let when_full = match limits.when_full {
        WhenFull::DropOldest => "drop",
        WhenFull::Reject => "reject",
    };
    request.arg(millis(limits.ttl));
    request
        .arg(limits.max_messages)
        .arg(limits.max_contexts)
        .arg(when_full);
    for message in messages {
        request
            .arg(millis(message.message().delay()))
            .arg(message.member());
    }
    request
}

/// Parses the reply of an add.
pub(crate) fn parse_added(parts: Vec<Value>) -> Result<AddOutcome, Error> {
    let mut parts = Parts::new(parts);
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(AddOutcome::Added {
            displaced: parts.next()?,
        }),
        "moved" => Ok(AddOutcome::SessionMoved(parse_session(
            &parts.next::<String>()?,
        )?)),
        "closed" => Err(Error::session_closed()),
        "full" => Err(match parts.next::<String>()?.as_str() {
            "contexts" => Error::full("the session has too many contexts"),
            _ => Error::full("the context is full"),
        }),
        _ => Err(Error::unreadable("a Redis reply")),
    }
}
