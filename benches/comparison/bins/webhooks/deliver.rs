//! Webhooks to 64 receivers, 64 in flight.

use std::time::Instant;

use comparison::Result;
use comparison::compare::{self, Side};
use comparison::programs::{OTHER_CORE, on_core};
use comparison::server::Server;
use comparison::statistics::Statistics;
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, pipe};
use reqwest::Client;
use salver::Salver;
use tokio::runtime::Builder;

use crate::endpoints::{publish, register, salver};
use crate::receivers::Receivers;

const ENDPOINTS: usize = 64;
const EVENTS: usize = 64;
const DELIVERIES: usize = ENDPOINTS * EVENTS;
const IN_FLIGHT: usize = 64;
/// A worker has eight deliveries in flight for each job.
const CONCURRENCY: usize = IN_FLIGHT / 8;

const STREAM: &str = "hand!deliveries";
const GROUP: &str = "workers";

/// What posts the same bodies by hand.
#[derive(Clone, Copy)]
pub(crate) enum Peer {
    /// A loop with reqwest, without a queue and signatures.
    Loop,
    /// The same loop, and a Redis stream with a consumer group, so that a crash loses nothing: neither signatures, nor
    /// retries, nor a pace.
    Stream,
}

/// Measures deliveries per second, from published events to the receivers.
pub(crate) fn measure(peer: Peer) -> Result<Statistics> {
    let mut server = Server::start(&[])?;
    let program = std::env::current_exe()?;
    let mut command = on_core(OTHER_CORE, &program.to_string_lossy());
    let receivers = Receivers::start(&mut command, ENDPOINTS, 0)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let client = Client::builder().build()?;
    let redis = redis::Client::open(server.url())?;
    let mut connection = runtime.block_on(redis.get_multiplexed_async_connection())?;
    let mut expected = 0;
    let mut measure = |side: Side| {
        server.flush()?;
        expected += DELIVERIES;
        runtime.block_on(async {
            let started = match side {
                Side::Left => {
                    let salver = salver(&server.url())?;
                    register(&salver, &receivers.ports).await?;
                    publish(&salver, EVENTS).await?;
                    let started = Instant::now();
                    by_salver(&salver, &receivers, expected).await?;
                    started
                }
                Side::Right => {
                    let (_, body) = receivers.received().await?;
                    let started = Instant::now();
                    match peer {
                        Peer::Loop => post_all(&client, &receivers, &body).await?,
                        Peer::Stream => {
                            by_stream(&client, &mut connection, &receivers, &body).await?;
                        }
                    }
                    started
                }
            };
            let elapsed = started.elapsed();
            receivers.wait_for(expected).await?;
            Ok(DELIVERIES as f64 / elapsed.as_secs_f64())
        })
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<24} {:.0} per second", "webhook, Salver", pair.left);
    let name = match peer {
        Peer::Loop => "webhook, reqwest",
        Peer::Stream => "webhook, stream",
    };
    println!("{name:<24} {:.0} per second", pair.right);
    Ok(pair.ratio)
}

async fn by_salver(salver: &Salver, receivers: &Receivers, expected: usize) -> Result {
    let worker = salver.worker().webhooks().concurrency(CONCURRENCY);
    let running = worker.start()?;
    receivers.wait_for(expected).await?;
    running.stop().await;
    Ok(())
}

async fn post_all(client: &Client, receivers: &Receivers, body: &str) -> Result {
    let posts = (0..DELIVERIES).map(|number| post(client, receivers, number, body.to_owned()));
    let posts = stream::iter(posts).buffer_unordered(IN_FLIGHT);
    posts.try_collect::<Vec<()>>().await?;
    Ok(())
}

async fn post(client: &Client, receivers: &Receivers, number: usize, body: String) -> Result {
    let port = receivers.ports.get(number % ENDPOINTS).ok_or("no port")?;
    let request = client.post(format!("http://127.0.0.1:{port}/"));
    let response = request.body(body).send().await?;
    response.error_for_status()?.bytes().await?;
    Ok(())
}

/// Stores each delivery, as Salver does for each endpoint of an event, then reads, posts and removes them.
async fn by_stream(
    client: &Client,
    connection: &mut MultiplexedConnection,
    receivers: &Receivers,
    body: &str,
) -> Result {
    let _: () = connection
        .xgroup_create_mkstream(STREAM, GROUP, "0")
        .await?;
    for _ in 0..EVENTS {
        let mut pipeline = pipe();
        for endpoint in 0..ENDPOINTS {
            let fields = [
                ("endpoint", endpoint.to_string()),
                ("body", body.to_owned()),
            ];
            pipeline.xadd(STREAM, "*", &fields).ignore();
        }
        pipeline.exec_async(connection).await?;
    }
    let options = StreamReadOptions::default()
        .group(GROUP, "worker")
        .count(IN_FLIGHT);
    let mut delivered = 0;
    while delivered < DELIVERIES {
        let reply: StreamReadReply = connection
            .xread_options(&[STREAM], &[">"], &options)
            .await?;
        let entries: Vec<_> = reply.keys.into_iter().flat_map(|key| key.ids).collect();
        delivered += entries.len();
        let deliveries = entries.into_iter().map(|entry| {
            let mut connection = connection.clone();
            async move {
                let endpoint: usize = entry.get("endpoint").ok_or("no endpoint")?;
                let body: String = entry.get("body").ok_or("no body")?;
                post(client, receivers, endpoint, body).await?;
                let mut pipeline = pipe();
                pipeline.xack(STREAM, GROUP, &[&entry.id]).ignore();
                pipeline.xdel(STREAM, &[&entry.id]).ignore();
                pipeline.exec_async(&mut connection).await?;
                Ok::<_, Box<dyn std::error::Error>>(())
            }
        });
        try_join_all(deliveries).await?;
    }
    Ok(())
}
