//! Matching: an event with few subscribers beside many subscribers of other patterns.

use std::time::Instant;

use comparison::compare::{self, Side};
use comparison::fixture::micros_each;
use comparison::server::Server;
use comparison::statistics::Statistics;
use comparison::{Result, TEXT, visitors};
use salver::events::{EventType, Subscription};
use salver::{Message, Salver};
use tokio::runtime::{Builder, Runtime};

use crate::subscribers::subscribe;

const EDIT: EventType = EventType::new("wiki.edit", &["language"]);
const MATCHING: usize = 10;
const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
/// Events of one measurement.
const EVENTS: usize = 200;

struct Fixture {
    _server: Server,
    runtime: Runtime,
    salver: Salver,
}

impl Fixture {
    /// Starts a server with ten subscribers of one language, and `others` of other languages.
    fn new(others: usize) -> Result<Self> {
        let server = Server::start(&[])?;
        let fixture = Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            salver: visitors::salver(&server.url())?,
            _server: server,
        };
        let german = |_| EDIT.subscription().filter("language", "de");
        let other = |number: usize| {
            let language = format!("other-{}", number % 100);
            EDIT.subscription().filter("language", language)
        };
        let (german, other): (fn(usize) -> Subscription, fn(usize) -> Subscription) =
            (german, other);
        let Self {
            runtime, salver, ..
        } = &fixture;
        subscribe(runtime, salver, 0..MATCHING, german)?;
        subscribe(runtime, salver, MATCHING..MATCHING + others, other)?;
        Ok(fixture)
    }

    fn publish(&self) -> Result<f64> {
        let worker = self
            .salver
            .worker()
            .render(&EDIT, |_, _| async { Ok(Message::success(TEXT)) });
        let started = Instant::now();
        self.runtime.block_on(async {
            for _ in 0..EVENTS {
                let event = EDIT.event().filter("language", "de");
                worker.publish(event).await?;
            }
            Ok::<_, salver::Error>(())
        })?;
        Ok(micros_each(started.elapsed(), EVENTS))
    }
}

/// Measures the time of an event beside a million other subscribers against one beside a thousand.
pub(crate) fn measure() -> Result<Statistics> {
    let (few, many) = (Fixture::new(FEW)?, Fixture::new(MANY)?);
    let measure = |side: Side| match side {
        Side::Left => many.publish(),
        Side::Right => few.publish(),
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<32} {:.0} us", "event beside 1,000,000", pair.left);
    println!("{:<32} {:.0} us", "event beside 1,000", pair.right);
    Ok(pair.ratio)
}
