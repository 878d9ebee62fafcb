//! Events per second: one at a time against a bare `XADD`, and many in flight against `SET NX PX` and `XADD` in pipelines.

use std::time::Instant;

use actix_web::rt::{self, System, SystemRunner};
use comparison::compare::{self, Side};
use comparison::handle::handle_of_worker;
use comparison::server::Server;
use comparison::statistics::Statistics;
use comparison::{Result, TEXT, visitors};
use redis::aio::MultiplexedConnection;
use redis::{Client, Script, pipe};
use salver::events::{Event, PUBLISH_SCRIPT};
use salver::{Error, Salver};
use serde_json::json;

/// Events of one measurement.
const EVENTS: usize = 10_000;
/// Events that are in flight at once, on both sides.
const IN_FLIGHT: usize = 200;
/// How long an id is known, on both sides.
const TTL_MS: u64 = 24 * 60 * 60 * 1000;
const STREAM: &str = "hand!events";

struct Fixture {
    server: Server,
    runtime: SystemRunner,
    salver: Salver,
    connection: MultiplexedConnection,
}

impl Fixture {
    fn new() -> Result<Self> {
        let server = Server::start(&[])?;
        let runtime = System::new();
        let client = Client::open(server.url())?;
        Ok(Self {
            connection: runtime.block_on(client.get_multiplexed_async_connection())?,
            salver: runtime.block_on(handle_of_worker(visitors::salver(&server.url())?))?,
            runtime,
            server,
        })
    }

    /// Measures both sides, each with the same events.
    fn measure(
        mut self,
        name: &str,
        by_salver: fn(&Self) -> Result,
        by_hand: fn(&mut Self) -> Result,
    ) -> Result<Statistics> {
        let mut measure = |side: Side| {
            self.server.flush()?;
            let started = Instant::now();
            match side {
                Side::Left => by_salver(&self)?,
                Side::Right => by_hand(&mut self)?,
            }
            Ok(EVENTS as f64 / started.elapsed().as_secs_f64())
        };
        measure(Side::Left)?;
        measure(Side::Right)?;
        let pair = compare::measure_alternating(measure)?;
        println!(
            "{:<32} {:.0} per second",
            format!("{name}, Salver"),
            pair.left
        );
        println!(
            "{:<32} {:.0} per second",
            format!("{name}, by hand"),
            pair.right
        );
        Ok(pair.ratio)
    }
}

fn event(number: usize) -> Event {
    let event = Event::new("wiki.edit").id(format!("revision-{number}"));
    event.subject("documents/7").data(TEXT)
}

/// The same event as JSON.
fn record(number: usize) -> String {
    let event = json!({
        "specversion": "1.0",
        "id": format!("revision-{number}"),
        "source": "/app",
        "type": "wiki.edit",
        "subject": "documents/7",
        "time": "2026-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "data": TEXT,
    });
    event.to_string()
}

fn publish_one_at_a_time(fixture: &Fixture) -> Result {
    fixture.runtime.block_on(async {
        for number in 0..EVENTS {
            fixture.salver.publish(event(number)).await?;
        }
        Ok(())
    })
}

/// Measures events that are published one after the other.
pub(crate) fn one_at_a_time() -> Result<Statistics> {
    Fixture::new()?.measure("publish", publish_one_at_a_time, |fixture| {
        fixture.runtime.block_on(async {
            for number in 0..EVENTS {
                let mut command = redis::cmd("XADD");
                command
                    .arg(STREAM)
                    .arg("*")
                    .arg("event")
                    .arg(record(number));
                let _: String = command.query_async(&mut fixture.connection).await?;
            }
            Ok(())
        })
    })
}

/// Measures events that are published one after the other, against the same script without its client: what is left of the
/// distance to a stream is the cost of running a script.
pub(crate) fn script_by_hand() -> Result<Statistics> {
    Fixture::new()?.measure("publish", publish_one_at_a_time, |fixture| {
        let script = Script::new(PUBLISH_SCRIPT);
        fixture.runtime.block_on(async {
            for number in 0..EVENTS {
                let id = format!("{number:022}");
                let mut call = script.key(format!("hand!event:{{0}}:{id}"));
                call.key("hand!jobs.events:{0}").key("hand!due.events:{0}");
                call.arg(&id)
                    .arg("{\"task\":{}}")
                    .arg(format!("{number:043}"));
                call.arg(record(number))
                    .arg(TTL_MS)
                    .arg(100_000)
                    .arg(1_000_000);
                let _: Vec<String> = call.invoke_async(&mut fixture.connection).await?;
            }
            Ok(())
        })
    })
}

/// Measures events of which many are in flight.
pub(crate) fn pipelined() -> Result<Statistics> {
    Fixture::new()?.measure(
        "publish, pipelined",
        |fixture| {
            let task = |first: usize| {
                let salver = fixture.salver.clone();
                rt::spawn(async move {
                    for number in (first..EVENTS).step_by(IN_FLIGHT) {
                        salver.publish(event(number)).await?;
                    }
                    Ok::<_, Error>(())
                })
            };
            fixture.runtime.block_on(async {
                let tasks: Vec<_> = (0..IN_FLIGHT).map(task).collect();
                for task in tasks {
                    task.await??;
                }
                Ok(())
            })
        },
        |fixture| {
            for first in (0..EVENTS).step_by(IN_FLIGHT) {
                let mut pipeline = pipe();
                for number in first..first + IN_FLIGHT {
                    let record = record(number);
                    let known = format!("hand!event:revision-{number}");
                    let set = pipeline.cmd("SET").arg(known).arg(&record);
                    set.arg("NX").arg("PX").arg(TTL_MS).ignore();
                    pipeline.cmd("XADD").arg(STREAM).arg("*").arg("event");
                    pipeline.arg(record).ignore();
                }
                let sent = pipeline.exec_async(&mut fixture.connection);
                fixture.runtime.block_on(sent)?;
            }
            Ok(())
        },
    )
}
