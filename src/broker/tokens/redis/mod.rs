//! Tokens in Redis: one hash for an application, without expiry.

use std::sync::LazyLock;

use crate::Error;
use crate::broker::limits::MAX_TOKENS;
use crate::broker::tokens::store_trait::TokenStore;
use crate::context::encode;
use crate::redis::{Client, Idempotency, Parts, Request, Script};
use crate::store::StoreFuture;

static ADD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("add_token.lua")));
static TOKEN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("read_token.lua")));
static TOKENS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("list_tokens.lua")));
static REMOVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("remove_token.lua")));

/// The tokens of a Redis server, or of a Cluster.
pub(super) struct RedisTokens {
    client: Client,
}

impl RedisTokens {
    pub(super) fn new(client: Client) -> Self {
        client.require_commands(&[
            "HEXISTS KEY field",
            "HLEN KEY",
            "HSET KEY field value",
            "HGET KEY field",
            "HGETALL KEY",
            "HDEL KEY field",
        ]);
        Self { client }
    }
}

impl TokenStore for RedisTokens {
    fn add<'a>(&'a self, app: &'a str, id: &'a str, token: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(add_token(&self.client, app, id, token))
    }

    fn token<'a>(&'a self, app: &'a str, id: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(read_token(&self.client, app, id))
    }

    fn tokens<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<(String, String)>> {
        Box::pin(list_tokens(&self.client, app))
    }

    fn remove<'a>(&'a self, app: &'a str, id: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(remove_token(&self.client, app, id))
    }
}

fn request(script: &'static Script, idempotency: Idempotency, app: &str) -> Request {
    let mut request = Request::new(script, idempotency, 1);
    request.arg(format!("{}!tokens", encode(app)));
    request
}

async fn add_token(client: &Client, app: &str, id: &str, token: &str) -> Result<(), Error> {
    let mut request = request(&ADD, Idempotency::Idempotent, app);
    request.arg(id).arg(token).arg(MAX_TOKENS);
    let mut reply = Parts::new(client.execute(&request).await?);
    match reply.next::<String>()?.as_str() {
        "added" => Ok(()),
        "full" => Err(Error::full("the application has too many tokens")),
        _ => Err(Error::unreadable("a Redis reply")),
    }
}

async fn read_token(client: &Client, app: &str, id: &str) -> Result<Option<String>, Error> {
    let mut request = request(&TOKEN, Idempotency::ReadOnly, app);
    request.arg(id);
    let mut reply = client.execute_expecting(&request, "token").await?;
    let token: String = reply.next()?;
    Ok((!token.is_empty()).then_some(token))
}

async fn list_tokens(client: &Client, app: &str) -> Result<Vec<(String, String)>, Error> {
    let request = request(&TOKENS, Idempotency::ReadOnly, app);
    let mut reply = client.execute_expecting(&request, "tokens").await?;
    reply.next()
}

async fn remove_token(client: &Client, app: &str, id: &str) -> Result<bool, Error> {
    let mut request = request(&REMOVE, Idempotency::Idempotent, app);
    request.arg(id);
    let mut reply = client.execute_expecting(&request, "removed").await?;
    Ok(reply.next::<u64>()? == 1)
}
