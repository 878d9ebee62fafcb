//! Lists: against two pipelined round trips by hand.

use comparison::compare::{self, Pair, Side};
use comparison::fixture::micros_each;
use comparison::inbox_by_hand as by_hand;
use comparison::programs;
use comparison::statistics::Statistics;
use comparison::{Result, TEXT};
use salver::{InboxFilter, Message, Notification};
use std::time::Instant;

use crate::fixture::{Fixture, note};

const RECIPIENTS: usize = 100;
const NOTIFICATIONS: usize = 200;
const ROWS: usize = 20;
/// Lists of one measurement, one after the other.
const LISTS: usize = 2_000;

/// Measures lists per second: 20 notifications, and 20 rows of 10 notifications each.
pub(crate) fn measure(fixture: &mut Fixture) -> Result<[(&'static str, Statistics); 2]> {
    Ok([
        ("inbox/list", compare(fixture, "20 of 200", false)?),
        (
            "inbox/list_grouped",
            compare(fixture, "20 groups of 200", true)?,
        ),
    ])
}

fn compare(fixture: &mut Fixture, name: &str, is_grouped: bool) -> Result<Statistics> {
    fixture.server.flush()?;
    let recipients = (0..RECIPIENTS * NOTIFICATIONS).map(|number| number % RECIPIENTS);
    fixture.notify_each(recipients.clone(), if is_grouped { grouped } else { note })?;
    fixture.add_each_by_hand(recipients)?;
    let filter = match is_grouped {
        true => InboxFilter::all(),
        false => InboxFilter::all().ungrouped(),
    };
    let read = if is_grouped { NOTIFICATIONS } else { ROWS };
    let (mut client, mut server) = ([vec![], vec![]], [vec![], vec![]]);
    let measure = |side: Side| {
        let (cpu_time, usage) = (programs::cpu_time("self")?, fixture.server.usage()?);
        let started = Instant::now();
        for number in 0..LISTS {
            let (listed, unread) = match side {
                Side::Left => {
                    let inbox = fixture.inbox(number % RECIPIENTS);
                    let page = fixture.runtime.block_on(inbox.list(&filter, None))?;
                    let rows = page.rows.iter().map(|row| row.notifications().count());
                    if page.rows.len() != ROWS {
                        return Err(format!("{} rows in place of {ROWS}", page.rows.len()).into());
                    }
                    (rows.sum(), page.unread)
                }
                Side::Right => {
                    let list = by_hand::list(&mut fixture.connection, number % RECIPIENTS, read);
                    let (notes, unread) = fixture.runtime.block_on(list)?;
                    (notes.len(), unread)
                }
            };
            if (listed, unread) != (read, NOTIFICATIONS as u64) {
                return Err(format!("{listed} listed, {unread} unread").into());
            }
        }
        let rate = LISTS as f64 / started.elapsed().as_secs_f64();
        let cpu_time = programs::cpu_time("self")?.saturating_sub(cpu_time);
        client[side as usize].push(micros_each(cpu_time, LISTS));
        let usage = fixture.server.usage()?.since(&usage);
        server[side as usize].push(micros_each(usage.cpu_time, LISTS));
        Ok(rate)
    };
    let Pair { left, right, ratio } = compare::measure_alternating(measure)?;
    for (name, rate, client, server) in [
        (format!("{name}, Salver"), left, &client[0], &server[0]),
        (format!("{name}, by hand"), right, &client[1], &server[1]),
    ] {
        let [client, server] = [client, server].map(|micros| Statistics::of(micros.clone()));
        println!("{name:<24} {rate:.0} per second; client {client:.1} us, redis {server:.1} us");
    }
    Ok(ratio)
}

/// Returns a notification of one of 20 groups.
fn grouped(index: usize) -> Notification {
    let group = index / RECIPIENTS % ROWS;
    Notification::new(by_hand::KIND, Message::success(TEXT))
        .subject(by_hand::SUBJECT)
        .group(format!("uploads-{group}"))
}
