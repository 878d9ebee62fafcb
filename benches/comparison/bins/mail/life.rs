//! The life of a job: it is added, claimed, and finished.

use std::time::Instant;

use comparison::Result;
use comparison::compare::{self, Side};
use comparison::server::Server;
use comparison::statistics::Statistics;
use futures_util::FutureExt;
use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, Client, pipe};
use salver::Salver;
use salver::jobs::TestOutcome;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

const JOBS: usize = 20_000;
/// Jobs that are added in one call and are in progress at once, on both sides.
const AT_ONCE: usize = 500;
const STREAM: &str = "hand!jobs";
const GROUP: &str = "workers";

/// Measures jobs per second against `XADD`, `XREADGROUP`, `XACK` and `XDEL` with the same record.
pub(crate) fn measure() -> Result<Statistics> {
    let mut server = Server::start(&[])?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let salver = Salver::redis("app", &server.url())?;
    let client = Client::open(server.url())?;
    let mut connection = runtime.block_on(client.get_multiplexed_async_connection())?;
    let mut measure = |side: Side| {
        server.flush()?;
        let started = Instant::now();
        match side {
            Side::Left => runtime.block_on(by_salver(&salver))?,
            Side::Right => by_hand(&runtime, &mut connection)?,
        }
        Ok(JOBS as f64 / started.elapsed().as_secs_f64())
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<24} {:.0} per second", "job, Salver", pair.left);
    println!("{:<24} {:.0} per second", "job, stream", pair.right);
    Ok(pair.ratio)
}

async fn by_salver(salver: &Salver) -> Result {
    let worker = salver.worker().concurrency(AT_ONCE);
    let worker = worker.test_jobs(|_| std::future::ready(TestOutcome::Done).boxed());
    for first in (0..JOBS).step_by(AT_ONCE) {
        let names = (first..first + AT_ONCE).map(|number| number.to_string());
        salver.enqueue_test_jobs(names, 0).await?;
    }
    match worker.drain().await? {
        done if done == JOBS as u64 => Ok(()),
        done => Err(format!("{done} of {JOBS} jobs were done").into()),
    }
}

fn by_hand(runtime: &Runtime, connection: &mut MultiplexedConnection) -> Result {
    runtime.block_on(async {
        let _: () = connection
            .xgroup_create_mkstream(STREAM, GROUP, "0")
            .await?;
        for first in (0..JOBS).step_by(AT_ONCE) {
            let mut pipeline = pipe();
            for number in first..first + AT_ONCE {
                let record = json!({ "task": number.to_string() }).to_string();
                pipeline.xadd(STREAM, "*", &[("job", record)]).ignore();
            }
            pipeline.exec_async(connection).await?;
        }
        let options = StreamReadOptions::default()
            .group(GROUP, "worker")
            .count(AT_ONCE);
        let mut done = 0;
        while done < JOBS {
            let reply: StreamReadReply = connection
                .xread_options(&[STREAM], &[">"], &options)
                .await?;
            let entries = reply.keys.into_iter().flat_map(|key| key.ids);
            let finished = entries.map(|entry| {
                let mut connection = connection.clone();
                async move {
                    let _record: String = entry.get("job").unwrap_or_default();
                    let mut pipeline = pipe();
                    pipeline.xack(STREAM, GROUP, &[&entry.id]).ignore();
                    pipeline.xdel(STREAM, &[&entry.id]).ignore();
                    pipeline.exec_async(&mut connection).await
                }
            });
            let finished = join_all(finished).await;
            done += finished.len();
            finished
                .into_iter()
                .collect::<redis::RedisResult<Vec<()>>>()?;
        }
        Ok(())
    })
}
