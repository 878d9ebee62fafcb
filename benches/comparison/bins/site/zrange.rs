//! The minimum that still queries Redis: one `ZRANGE` per page, and a `ZREM` of the members that it
//! found, on one connection of the worker.

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, get, post};
use comparison::Result;
use redis::aio::{ConnectionLike, ConnectionManager};
use redis::{Client, cmd, pipe};

use crate::serve::serve;
use crate::visitor::Visitor;
use crate::{message, page, raw};

pub(crate) async fn run(url: &str) -> Result {
    let client = Client::open(url)?;
    serve!(move || {
        App::new()
            .data_factory(raw::connection(&client))
            .service(show)
            .service(save)
    })
}

#[get("/page")]
async fn show(
    request: HttpRequest,
    connection: Data<ConnectionManager>,
) -> actix_web::Result<HttpResponse> {
    let Some(visitor) = Visitor::of(&request) else {
        return Ok(page::empty());
    };
    let mut connection = connection.get_ref().clone();
    let [context, _] = visitor.contexts();
    let members: Vec<Vec<u8>> = cmd("ZRANGE")
        .arg(&context)
        .arg(0)
        .arg(-1)
        .query_async(&mut connection)
        .await
        .map_err(ErrorServiceUnavailable)?;
    if !members.is_empty() {
        cmd("ZREM")
            .arg(&context)
            .arg(&members)
            .exec_async(&mut connection)
            .await
            .map_err(ErrorServiceUnavailable)?;
    }
    Ok(page::with(message::texts(&members)))
}

#[post("/page")]
async fn save(
    request: HttpRequest,
    connection: Data<ConnectionManager>,
) -> actix_web::Result<HttpResponse> {
    let visitor = Visitor::from_request_or_new(&request);
    add(&visitor, &mut connection.get_ref().clone()).await?;
    let mut response = page::see_other();
    visitor.set_cookie(&mut response)?;
    Ok(response)
}

/// Adds a message without a script: no maximum number of messages, no tags, no session index.
pub(crate) async fn add(
    visitor: &Visitor,
    connection: &mut impl ConnectionLike,
) -> actix_web::Result<()> {
    let [context, _] = visitor.contexts();
    let mut commands = pipe();
    commands
        .cmd("ZADD")
        .arg(&context)
        .arg(0)
        .arg(message::encoded()?);
    commands.cmd("PEXPIRE").arg(&context).arg(message::TTL_MS);
    commands
        .exec_async(connection)
        .await
        .map_err(ErrorServiceUnavailable)
}
