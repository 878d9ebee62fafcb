//! Adding messages.

use std::sync::LazyLock;

use ::redis::Value;

use crate::config::{Full, Limits};
use crate::redis::{Idempotency, Request, Script};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{Parts, parse_session, request};
use crate::store::{Placed, millis};
use crate::{Context, Error, Message, wire};

/// `add.lua`, which writers in other languages run by `EVAL`; its KEYS and ARGV are part of wire v1.
pub const ADD: &str = include_str!("add.lua");

static ADD_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(ADD));

/// Puts an add together, to be sent by whoever knows over which connection.
pub(crate) fn add(
    context: &Context,
    messages: &[Message],
    limits: &Limits,
) -> Result<Request, Error> {
    let keys = [Key::context(context), Key::session_index(context)];
    let mut ask = request(&ADD_SCRIPT, Idempotency::Idempotent, &keys);
    let full = match limits.full {
        Full::DropOldest => "drop",
        Full::Reject => "reject",
    };
    ask.arg(millis(limits.expiry));
    ask.arg(limits.messages).arg(limits.contexts).arg(full);
    for message in messages {
        ask.arg(millis(message.delay())).arg(wire::encode(message)?);
    }
    Ok(ask)
}

/// Reads what an add was answered.
pub(crate) fn parse_added(parts: Vec<Value>) -> Result<Placed, Error> {
    let mut parts = Parts(parts.into_iter());
    match parts.next::<String>()?.as_str() {
        "ok" => Ok(Placed::Here {
            displaced: parts.next()?,
        }),
        "moved" => Ok(Placed::Moved(parse_session(&parts.next::<String>()?)?)),
        "closed" => Err(Error::closed()),
        "full" => Err(match parts.next::<String>()?.as_str() {
            "contexts" => Error::full("the session has too many contexts"),
            _ => Error::full("the context is full"),
        }),
        _ => Err(Error::unreadable("a reply of Redis")),
    }
}
