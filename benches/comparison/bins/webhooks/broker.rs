//! The processes that accept and deliver events.

use actix_web::web::{Bytes, Data, Json};
use actix_web::{App, HttpResponse, HttpServer, post, rt};
use comparison::Result;
use redis::Client;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use crate::endpoints::salver;

pub(crate) const TOKEN: &str = "token-of-the-benchmark";
/// As few as a small machine bears: its brokers are bounded by what they have in flight, not by its cores.
const CONCURRENCY: usize = 4;

/// Serves the API of a broker, on one thread. Prints its address.
pub(crate) fn serve(redis: &str) -> Result {
    rt::System::new().block_on(async {
        let salver = salver(redis)?;
        let http = HttpServer::new(move || App::new().service(salver.broker_routes().token(TOKEN)));
        let http = http.workers(1).bind(("127.0.0.1", 0))?;
        println!("{}", http.addrs().first().ok_or("no address")?);
        Ok(http.run().await?)
    })
}

/// Delivers what is due. Prints a line when it begins.
pub(crate) fn work(redis: &str) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let worker = salver(redis)?.worker().webhooks();
        let _running = worker.concurrency(CONCURRENCY).start()?;
        println!("runs");
        std::future::pending().await
    })
}

/// What a bare handler reads of an event.
#[derive(Deserialize, Serialize)]
struct BareEvent {
    id: String,
    source: String,
    r#type: String,
    data: serde_json::Value,
}

/// Serves a handler that adds each event to a stream, on one thread. Prints its address.
pub(crate) fn serve_bare(redis: &str) -> Result {
    rt::System::new().block_on(async {
        let client = Client::open(redis)?;
        let connection = client.get_multiplexed_async_connection().await?;
        let http = HttpServer::new(move || {
            App::new()
                .app_data(Data::new(connection.clone()))
                .service(add)
        });
        let http = http.workers(1).bind(("127.0.0.1", 0))?;
        println!("{}", http.addrs().first().ok_or("no address")?);
        Ok(http.run().await?)
    })
}

#[post("/v1/events")]
async fn add(
    connection: Data<MultiplexedConnection>,
    event: Json<BareEvent>,
) -> actix_web::Result<HttpResponse> {
    let event = serde_json::to_vec(&*event)?;
    let mut connection = MultiplexedConnection::clone(&connection);
    let mut add = redis::cmd("XADD");
    add.arg("events").arg("*").arg("event").arg(event);
    let added: redis::RedisResult<Bytes> = add.query_async(&mut connection).await;
    let id = added.map_err(actix_web::error::ErrorServiceUnavailable)?;
    Ok(HttpResponse::Accepted().json(serde_json::json!({ "id": String::from_utf8_lossy(&id) })))
}
