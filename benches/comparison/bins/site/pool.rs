//! A common design: each request takes a connection from a pool, and one script reads and clears
//! the messages.

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, get, post};
use comparison::Result;
use deadpool_redis::{Config, Connection, Pool, PoolConfig};
use redis::Script;

use crate::serve::serve;
use crate::visitor::Visitor;
use crate::{message, page, zrange};

const CONNECTIONS: usize = 16;

struct PoolStore {
    pool: Pool,
    script: Script,
}

impl PoolStore {
    async fn connection(&self) -> actix_web::Result<Connection> {
        self.pool.get().await.map_err(ErrorServiceUnavailable)
    }
}

pub(crate) async fn run(url: &str) -> Result {
    let mut config = Config::from_url(url);
    config.pool = Some(PoolConfig::new(CONNECTIONS));
    let pool = config.create_pool(Some(deadpool_redis::Runtime::Tokio1))?;
    let script = Script::new(include_str!("pool.lua"));
    let store = Data::new(PoolStore { pool, script });
    serve!(move || {
        App::new()
            .app_data(store.clone())
            .service(show)
            .service(save)
    })
}

#[get("/page")]
async fn show(request: HttpRequest, store: Data<PoolStore>) -> actix_web::Result<HttpResponse> {
    let Some(visitor) = Visitor::of(&request) else {
        return Ok(page::empty());
    };
    let mut connection = store.connection().await?;
    let mut read = store.script.prepare_invoke();
    for context in visitor.contexts() {
        read.key(context);
    }
    let members: Vec<Vec<u8>> = read
        .invoke_async(&mut connection)
        .await
        .map_err(ErrorServiceUnavailable)?;
    Ok(page::with(message::texts(&members)))
}

#[post("/page")]
async fn save(request: HttpRequest, store: Data<PoolStore>) -> actix_web::Result<HttpResponse> {
    let visitor = Visitor::from_request_or_new(&request);
    let mut connection = store.connection().await?;
    zrange::add(&visitor, &mut connection).await?;
    let mut response = page::see_other();
    visitor.set_cookie(&mut response)?;
    Ok(response)
}
