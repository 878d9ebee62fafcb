//! What Salver sends, written by hand: the same scripts with the same keys on one connection of the worker, and
//! nothing around them.

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, get, post, rt};
use comparison::Outcome;
use comparison::scripts::{self, Look, Scripts};
use futures_util::future::{FutureExt, LocalBoxFuture};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Value};

use crate::serve::serve;
use crate::visitor::Visitor;
use crate::{note, page};

/// As many requests as Salver lets wait on one connection.
const QUEUE: usize = 1024;

pub(crate) async fn run(url: &str) -> Outcome {
    let client = Client::open(url)?;
    serve!(move || {
        App::new()
            .data_factory(connection(&client))
            .app_data(Data::new(Scripts::default()))
            .service(show)
            .service(save)
    })
}

/// Makes a connection in the worker that asks, so that no thread stands between request and socket.
pub(crate) fn connection(
    client: &Client,
) -> impl Fn() -> LocalBoxFuture<'static, Result<ConnectionManager, RedisError>> + use<> {
    let client = client.clone();
    move || {
        let client = client.clone();
        async move {
            let config = ConnectionManagerConfig::new().set_pipeline_buffer_size(QUEUE);
            let mut connection = ConnectionManager::new_with_config(client, config).await?;
            for load in Scripts::loads() {
                load.exec_async(&mut connection).await?;
            }
            Ok(connection)
        }
        .boxed_local()
    }
}

#[get("/page")]
async fn show(
    request: HttpRequest,
    connection: Data<ConnectionManager>,
    scripts: Data<Scripts>,
) -> actix_web::Result<HttpResponse> {
    let Some(visitor) = Visitor::of(&request) else {
        return Ok(page::plain());
    };
    let mut connection = connection.get_ref().clone();
    let (book, contexts) = (visitor.book(), visitor.contexts());
    let claim = scripts.look(Look::Claim, &book, &contexts);
    let reply: Value = claim
        .query_async(&mut connection)
        .await
        .map_err(ErrorServiceUnavailable)?;
    let found = scripts::found(reply).map_err(ErrorServiceUnavailable)?;
    let response = page::with(note::texts(found.iter().flatten()));
    if found.iter().any(|members| !members.is_empty()) {
        rt::spawn(async move {
            let confirm = scripts.confirm(&book, &contexts, &found);
            if let Err(error) = confirm.exec_async(&mut connection).await {
                eprintln!("a claim was not confirmed: {error}");
            }
        });
    }
    Ok(response)
}

#[post("/page")]
async fn save(
    request: HttpRequest,
    connection: Data<ConnectionManager>,
    scripts: Data<Scripts>,
) -> actix_web::Result<HttpResponse> {
    let visitor = Visitor::of_or_new(&request);
    let [context, _] = visitor.contexts();
    let add = scripts.add(&visitor.book(), &context, &note::encoded()?);
    add.exec_async(&mut connection.get_ref().clone())
        .await
        .map_err(ErrorServiceUnavailable)?;
    let mut response = page::see_other();
    visitor.remember(&mut response)?;
    Ok(response)
}
