//! Removing messages: retract and clear.

use std::sync::LazyLock;
use std::time::Duration;

use crate::redis::{Client, Idempotency, Script};
use crate::store::redis::keys::Key;
use crate::store::redis::scripts::call::{build_request, run};
use crate::store::{Selector, millis};
use crate::{Context, Error, SessionId};

static RETRACT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("retract.lua")));
static CLEAR: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("clear.lua")));

pub(crate) async fn retract(
    client: &Client,
    context: &Context,
    selector: &Selector,
) -> Result<u64, Error> {
    let mut request = build_request(&RETRACT, Idempotency::Idempotent, &[Key::context(context)]);
    match selector {
        Selector::Tag(tag) => request.arg("tag").arg(tag),
        Selector::Ids(ids) => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            request.arg("id").arg(ids)
        }
    };
    run(client, request).await?.next()
}

pub(crate) async fn clear(client: &Client, context: &Context) -> Result<(), Error> {
    let keys = [Key::session_index(context), Key::context(context)];
    let mut request = build_request(&CLEAR, Idempotency::Idempotent, &keys);
    request.arg(0);
    run(client, request).await?;
    Ok(())
}

pub(crate) async fn clear_session(
    client: &Client,
    app: &str,
    session: &SessionId,
    close: Option<Duration>,
) -> Result<(), Error> {
    let mut request = build_request(
        &CLEAR,
        Idempotency::Idempotent,
        &[Key::SessionIndex(app, session)],
    );
    request.arg(close.map_or(0, millis));
    run(client, request).await?;
    Ok(())
}
