//! Webhooks to 64 receivers, 64 in flight.

use std::time::Instant;

use comparison::Result;
use comparison::compare::{self, Side};
use comparison::programs::{OTHER_CORE, on_core};
use comparison::server::Server;
use comparison::statistics::Statistics;
use futures_util::{StreamExt, TryStreamExt, stream};
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

/// Measures deliveries per second, from the queue to the receivers, against a loop with reqwest that posts the same
/// bodies without a queue and signatures.
pub(crate) fn measure() -> Result<Statistics> {
    let mut server = Server::start(&[])?;
    let program = std::env::current_exe()?;
    let mut command = on_core(OTHER_CORE, &program.to_string_lossy());
    let receivers = Receivers::start(&mut command, ENDPOINTS, 0)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let client = Client::builder().build()?;
    let mut expected = 0;
    let mut measure = |side: Side| {
        server.flush()?;
        expected += DELIVERIES;
        runtime.block_on(async {
            let elapsed = match side {
                Side::Left => {
                    let salver = salver(&server.url())?;
                    register(&salver, &receivers.ports).await?;
                    publish(&salver, EVENTS).await?;
                    let started = Instant::now();
                    by_salver(&salver, &receivers, expected).await?;
                    started.elapsed()
                }
                Side::Right => {
                    let (_, body) = receivers.received().await?;
                    let started = Instant::now();
                    by_reqwest(&client, &receivers, &body).await?;
                    let elapsed = started.elapsed();
                    receivers.wait_for(expected).await?;
                    elapsed
                }
            };
            Ok(DELIVERIES as f64 / elapsed.as_secs_f64())
        })
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<24} {:.0} per second", "webhook, Salver", pair.left);
    println!("{:<24} {:.0} per second", "webhook, reqwest", pair.right);
    Ok(pair.ratio)
}

async fn by_salver(salver: &Salver, receivers: &Receivers, expected: usize) -> Result {
    let worker = salver.worker().webhooks().concurrency(CONCURRENCY);
    let running = worker.start()?;
    receivers.wait_for(expected).await?;
    running.stop().await;
    Ok(())
}

async fn by_reqwest(client: &Client, receivers: &Receivers, body: &str) -> Result {
    let post = |number: usize| async move {
        let port = receivers.ports.get(number % ENDPOINTS).ok_or("no port")?;
        let request = client.post(format!("http://127.0.0.1:{port}/"));
        let response = request.body(body.to_owned()).send().await?;
        response.error_for_status()?.bytes().await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    let posts = stream::iter(0..DELIVERIES).map(post);
    let posts = posts.buffer_unordered(IN_FLIGHT);
    posts.try_collect::<Vec<()>>().await?;
    Ok(())
}
