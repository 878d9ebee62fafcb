//! The least that asks Redis: one `ZRANGE` per page, and a `ZREM` of what was found, written by hand on one
//! connection of the worker.

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, get, post};
use comparison::Outcome;
use redis::aio::{ConnectionLike, ConnectionManager};
use redis::{Client, cmd, pipe};

use crate::serve::serve;
use crate::visitor::Visitor;
use crate::{note, page, raw};

pub(crate) async fn run(url: &str) -> Outcome {
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
        return Ok(page::plain());
    };
    let mut connection = connection.get_ref().clone();
    let [context, _] = visitor.contexts();
    let found: Vec<Vec<u8>> = cmd("ZRANGE")
        .arg(&context)
        .arg(0)
        .arg(-1)
        .query_async(&mut connection)
        .await
        .map_err(ErrorServiceUnavailable)?;
    if !found.is_empty() {
        cmd("ZREM")
            .arg(&context)
            .arg(&found)
            .exec_async(&mut connection)
            .await
            .map_err(ErrorServiceUnavailable)?;
    }
    Ok(page::with(note::texts(&found)))
}

#[post("/page")]
async fn save(
    request: HttpRequest,
    connection: Data<ConnectionManager>,
) -> actix_web::Result<HttpResponse> {
    let visitor = Visitor::of_or_new(&request);
    add(&visitor, &mut connection.get_ref().clone()).await?;
    let mut response = page::see_other();
    visitor.remember(&mut response)?;
    Ok(response)
}

/// Adds without a script: no cap, no tag, no book.
pub(crate) async fn add(
    visitor: &Visitor,
    connection: &mut impl ConnectionLike,
) -> actix_web::Result<()> {
    let [context, _] = visitor.contexts();
    let mut adding = pipe();
    adding
        .cmd("ZADD")
        .arg(&context)
        .arg(0)
        .arg(note::encoded()?);
    adding.cmd("PEXPIRE").arg(&context).arg(note::LIFE_MS);
    adding
        .exec_async(connection)
        .await
        .map_err(ErrorServiceUnavailable)
}
