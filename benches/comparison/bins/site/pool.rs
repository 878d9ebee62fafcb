//! The obvious design: each request checks a connection out of a pool, and one script reads and clears.

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, get, post};
use comparison::Outcome;
use deadpool_redis::{Config, Connection, Pool, PoolConfig};
use redis::Script;

use crate::serve::serve;
use crate::visitor::Visitor;
use crate::{note, page, zrange};

const CONNECTIONS: usize = 16;

struct Site {
    pool: Pool,
    script: Script,
}

impl Site {
    async fn checkout(&self) -> actix_web::Result<Connection> {
        self.pool.get().await.map_err(ErrorServiceUnavailable)
    }
}

pub(crate) async fn run(url: &str) -> Outcome {
    let mut config = Config::from_url(url);
    config.pool = Some(PoolConfig::new(CONNECTIONS));
    let pool = config.create_pool(Some(deadpool_redis::Runtime::Tokio1))?;
    let script = Script::new(include_str!("pool.lua"));
    let site = Data::new(Site { pool, script });
    serve!(move || {
        App::new()
            .app_data(site.clone())
            .service(show)
            .service(save)
    })
}

#[get("/page")]
async fn show(request: HttpRequest, site: Data<Site>) -> actix_web::Result<HttpResponse> {
    let Some(visitor) = Visitor::of(&request) else {
        return Ok(page::plain());
    };
    let mut connection = site.checkout().await?;
    let mut read = site.script.prepare_invoke();
    for context in visitor.contexts() {
        read.key(context);
    }
    let found: Vec<Vec<u8>> = read
        .invoke_async(&mut connection)
        .await
        .map_err(ErrorServiceUnavailable)?;
    Ok(page::with(note::texts(&found)))
}

#[post("/page")]
async fn save(request: HttpRequest, site: Data<Site>) -> actix_web::Result<HttpResponse> {
    let visitor = Visitor::of_or_new(&request);
    let mut connection = site.checkout().await?;
    zrange::add(&visitor, &mut connection).await?;
    let mut response = page::see_other();
    visitor.remember(&mut response)?;
    Ok(response)
}
