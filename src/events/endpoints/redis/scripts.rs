//! The Lua scripts of endpoints, each with one typed function.

use std::sync::LazyLock;

use crate::Error;
use crate::context::encode;
use crate::events::endpoints::limits::MAX_ENDPOINTS;
use crate::events::endpoints::store_trait::{Change, Changed, Listing};
use crate::redis::{Client, Idempotency, Parts, Request, Script};

static READ_ENDPOINTS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("read_endpoints.lua")));
static CHANGE_ENDPOINT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("change_endpoint.lua")));
/// The field of the version.
const VERSION: &str = "!version";

fn request(script: &'static Script, idempotency: Idempotency, app: &str) -> Request {
    let mut request = Request::new(script, idempotency, 1);
    request.arg(format!("{}!endpoints", encode(app)));
    request
}

/// Checks that a reply concerns what was asked for: requests of one key differ in it.
fn verify(reply: &mut Parts, asked: &str) -> Result<(), Error> {
    match reply.next::<String>()? == asked {
        true => Ok(()),
        false => Err(unreadable()),
    }
}

fn unreadable() -> Error {
    Error::unreadable("a Redis reply")
}

pub(super) async fn read_endpoints(
    client: &Client,
    app: &str,
    known: &str,
) -> Result<Listing, Error> {
    let mut request = request(&READ_ENDPOINTS, Idempotency::ReadOnly, app);
    request.arg(known);
    let mut reply = client.execute_expecting(&request, "endpoints").await?;
    verify(&mut reply, known)?;
    match reply.next::<String>()?.as_str() {
        "unchanged" => Ok(Listing::Unchanged),
        "changed" => {
            let version = reply.next()?;
            let mut fields: Vec<(String, String)> = reply.next()?;
            fields.retain(|(id, _)| id != VERSION);
            Ok(Listing::Changed {
                version,
                endpoints: fields,
            })
        }
        _ => Err(unreadable()),
    }
}

pub(super) async fn change_endpoint(
    client: &Client,
    app: &str,
    change: Change<'_>,
) -> Result<Changed, Error> {
    let mut request = request(&CHANGE_ENDPOINT, Idempotency::Idempotent, app);
    request
        .arg(change.id)
        .arg(change.before.unwrap_or_default())
        .arg(change.after.unwrap_or_default())
        .arg(change.version)
        .arg(MAX_ENDPOINTS);
    let mut reply = Parts::new(client.execute(&request).await?);
    let outcome: String = reply.next()?;
    verify(&mut reply, change.id)?;
    match outcome.as_str() {
        "written" => Ok(Changed::Written),
        "differs" => Ok(Changed::Differs),
        "full" => Err(Error::full("the application has too many endpoints")),
        _ => Err(unreadable()),
    }
}
