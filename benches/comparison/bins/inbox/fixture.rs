//! A server with inboxes of Salver and inboxes that are written by hand. Salver is used as in a handler of a
//! site: with the connection of its worker.

use std::time::{Duration, Instant};

use actix_web::rt::{self, System, SystemRunner};
use comparison::handle::handle_of_worker;
use comparison::inbox_by_hand as by_hand;
use comparison::server::Server;
use comparison::{Result, TEXT, visitors};
use redis::aio::MultiplexedConnection;
use redis::{Client, pipe};
use salver::{Error, Inbox, Message, Notification, Recipient, Salver};

/// Notifications that are in flight at once, on both sides.
const IN_FLIGHT: usize = 200;

pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) connection: MultiplexedConnection,
    pub(crate) runtime: SystemRunner,
    salver: Salver,
}

impl Fixture {
    pub(crate) fn new() -> Result<Self> {
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

    pub(crate) fn inbox(&self, recipient: usize) -> Inbox {
        self.salver.inbox(&self::recipient(recipient))
    }

    /// Adds one notification to the inbox of each recipient, [`IN_FLIGHT`] at once. Returns the elapsed time.
    pub(crate) fn notify_each(
        &self,
        recipients: impl Iterator<Item = usize> + Clone + Send + 'static,
        note: fn(usize) -> Notification,
    ) -> Result<Duration> {
        let started = Instant::now();
        let task = |first: usize| {
            let (salver, recipients) = (self.salver.clone(), recipients.clone());
            rt::spawn(async move {
                for (index, number) in recipients.enumerate().skip(first).step_by(IN_FLIGHT) {
                    salver.notify([recipient(number)], note(index)).await?;
                }
                Ok::<_, Error>(())
            })
        };
        self.runtime.block_on(async {
            let tasks: Vec<_> = (0..IN_FLIGHT).map(task).collect();
            for task in tasks {
                task.await??;
            }
            Ok::<_, Box<dyn std::error::Error>>(())
        })?;
        Ok(started.elapsed())
    }

    /// Adds one notification for each recipient by hand, [`IN_FLIGHT`] in one pipeline.
    pub(crate) fn add_each_by_hand(
        &mut self,
        recipients: impl Iterator<Item = usize>,
    ) -> Result<Duration> {
        let started = Instant::now();
        let mut recipients = recipients.zip(1..).peekable();
        while recipients.peek().is_some() {
            let mut pipeline = pipe();
            for (recipient, position) in recipients.by_ref().take(IN_FLIGHT) {
                by_hand::add(&mut pipeline, recipient, position)?;
            }
            self.runtime
                .block_on(pipeline.exec_async(&mut self.connection))?;
        }
        Ok(started.elapsed())
    }
}

pub(crate) fn recipient(number: usize) -> Recipient {
    Recipient::user(format!("{number:06}"))
}

/// Returns a notification with the fields that most have.
pub(crate) fn note(_: usize) -> Notification {
    Notification::new(by_hand::KIND, Message::success(TEXT)).subject(by_hand::SUBJECT)
}
