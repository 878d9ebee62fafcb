//! Fan-outs: notifications per second against the same notifications written by hand in pipelines.

use std::env;
use std::time::Instant;

use comparison::compare::{self, Side};
use comparison::inbox_by_hand as by_hand;
use comparison::server::Server;
use comparison::statistics::Statistics;
use comparison::{Result, TEXT, visitors};
use redis::{Client, pipe};
use salver::Message;
use salver::events::{EventType, Subscription};
use tokio::runtime::Builder;

use crate::subscribers::subscribe;

const SUBSCRIBERS: usize = 100_000;
/// Notifications of one pipeline by hand.
const IN_FLIGHT: usize = 200;
const UPLOAD: EventType = EventType::new(by_hand::KIND, &[]);

/// Measures events to all subscribers.
pub(crate) fn measure() -> Result<Statistics> {
    let subscribers = match env::var("BENCH_SUBSCRIBERS") {
        Ok(number) => number.parse()?,
        Err(_) => SUBSCRIBERS,
    };
    let server = Server::start(&[])?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let salver = visitors::salver(&server.url())?;
    let client = Client::open(server.url())?;
    let mut connection = runtime.block_on(client.get_multiplexed_async_connection())?;
    let all = |_| UPLOAD.subscription();
    let _: fn(usize) -> Subscription = all;
    subscribe(&runtime, &salver, 0..subscribers, all)?;
    let worker = salver
        .worker()
        .render(&UPLOAD, |_, _| async { Ok(Message::success(TEXT)) });
    let mut position = 0;
    let mut measure = |side: Side| {
        position += 1;
        let started = Instant::now();
        match side {
            Side::Left => {
                let event = UPLOAD.event().subject(by_hand::SUBJECT);
                runtime.block_on(worker.publish(event))?;
            }
            Side::Right => {
                for first in (0..subscribers).step_by(IN_FLIGHT) {
                    let mut pipeline = pipe();
                    for number in first..subscribers.min(first + IN_FLIGHT) {
                        by_hand::add(&mut pipeline, number, position)?;
                    }
                    runtime.block_on(pipeline.exec_async(&mut connection))?;
                }
            }
        }
        Ok(subscribers as f64 / started.elapsed().as_secs_f64())
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<32} {:.0} per second", "fan-out, Salver", pair.left);
    println!("{:<32} {:.0} per second", "fan-out, by hand", pair.right);
    Ok(pair.ratio)
}
