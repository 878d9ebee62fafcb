//! People who have subscribed to events.

use std::env;

use comparison::server::Server;
use comparison::{Result, TEXT, inbox_by_hand as by_hand, visitors};
use redis::aio::MultiplexedConnection;
use redis::{Client, pipe};
use salver::events::{EventType, Subscription};
use salver::jobs::Worker;
use salver::{Error, Message, Recipient, Salver};
use tokio::runtime::{Builder, Runtime};

const SUBSCRIBERS: usize = 100_000;
const UPLOAD: EventType = EventType::new(by_hand::KIND, &[]);
/// Notifications of one pipeline by hand.
const PER_PIPELINE: usize = 200;

/// Subscriptions that are in flight at once.
const IN_FLIGHT: usize = 200;

pub(crate) fn recipient(number: usize) -> Recipient {
    Recipient::user(format!("{number:06}"))
}

/// Subscribes recipients by their numbers.
pub(crate) fn subscribe(
    runtime: &Runtime,
    salver: &Salver,
    numbers: std::ops::Range<usize>,
    subscription: fn(usize) -> Subscription,
) -> Result {
    let task = |first: usize| {
        let (salver, numbers) = (salver.clone(), numbers.clone());
        runtime.spawn(async move {
            for number in numbers.skip(first).step_by(IN_FLIGHT) {
                let subscription = subscription(number);
                salver.subscribe(&recipient(number), subscription).await?;
            }
            Ok::<_, Error>(())
        })
    };
    let tasks: Vec<_> = (0..IN_FLIGHT).map(task).collect();
    runtime.block_on(async {
        for task in tasks {
            task.await??;
        }
        Ok(())
    })
}

/// A site of which all have subscribed to the same events.
pub(crate) struct Subscribed {
    pub(crate) server: Server,
    runtime: Runtime,
    worker: Worker,
    connection: MultiplexedConnection,
    pub(crate) subscribers: usize,
}

impl Subscribed {
    /// Subscribes `BENCH_SUBSCRIBERS` people, 100,000 by default.
    pub(crate) fn new() -> Result<Self> {
        let subscribers = match env::var("BENCH_SUBSCRIBERS") {
            Ok(number) => number.parse()?,
            Err(_) => SUBSCRIBERS,
        };
        let server = Server::start(&[])?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let salver = visitors::salver(&server.url())?;
        subscribe(&runtime, &salver, 0..subscribers, |_| UPLOAD.subscription())?;
        let worker = salver.worker();
        let client = Client::open(server.url())?;
        Ok(Self {
            connection: runtime.block_on(client.get_multiplexed_async_connection())?,
            worker: worker.render(&UPLOAD, |_, _| async { Ok(Message::success(TEXT)) }),
            runtime,
            server,
            subscribers,
        })
    }

    /// Fans out one event.
    pub(crate) fn fan_out(&self) -> Result {
        let event = UPLOAD.event().subject(by_hand::SUBJECT);
        Ok(self.runtime.block_on(self.worker.publish(event))?)
    }

    /// Adds the same notifications by hand, in pipelines. `pause` is called before each, with the number of those before.
    pub(crate) fn add_by_hand(&mut self, position: u64, pause: impl Fn(usize)) -> Result {
        for first in (0..self.subscribers).step_by(PER_PIPELINE) {
            pause(first);
            let mut pipeline = pipe();
            for number in first..self.subscribers.min(first + PER_PIPELINE) {
                by_hand::add(&mut pipeline, number, position)?;
            }
            let sent = pipeline.exec_async(&mut self.connection);
            self.runtime.block_on(sent)?;
        }
        Ok(())
    }
}
