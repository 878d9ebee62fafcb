//! Adds: against the same writes by hand, and to a full inbox against a small one.

use comparison::Result;
use comparison::compare::{self, Side};
use comparison::fixture::micros_each;
use comparison::programs;
use comparison::statistics::Statistics;
use salver::inbox::MAX_NOTIFICATIONS;

use crate::fixture::{Fixture, note};

const RECIPIENTS: usize = 2_000;
/// Notifications that each recipient gets in one measurement.
const NOTIFICATIONS: usize = 10;

/// Measures adds per second against `ZADD`, `HSET`, `ZADD` and three `PEXPIRE` in pipelines.
pub(crate) fn by_hand(fixture: &mut Fixture) -> Result<Statistics> {
    let adds = RECIPIENTS * NOTIFICATIONS;
    let (mut client, mut server) = ([vec![], vec![]], [vec![], vec![]]);
    let mut measure = |side: Side| {
        fixture.server.flush()?;
        let recipients = (0..adds).map(|number| number % RECIPIENTS);
        let (cpu_time, usage) = (programs::cpu_time("self")?, fixture.server.usage()?);
        let elapsed = match side {
            Side::Left => fixture.notify_each(recipients, note)?,
            Side::Right => fixture.add_each_by_hand(recipients)?,
        };
        let cpu_time = programs::cpu_time("self")?.saturating_sub(cpu_time);
        client[side as usize].push(micros_each(cpu_time, adds));
        let usage = fixture.server.usage()?.since(&usage);
        server[side as usize].push(micros_each(usage.cpu_time, adds));
        Ok(adds as f64 / elapsed.as_secs_f64())
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    for (name, rate, client, server) in [
        ("add, Salver", pair.left, &client[0], &server[0]),
        ("add, by hand", pair.right, &client[1], &server[1]),
    ] {
        let [client, server] = [client, server].map(|micros| Statistics::of(micros.clone()));
        println!("{name:<24} {rate:.0} per second; client {client:.1} us, redis {server:.1} us");
    }
    Ok(pair.ratio)
}

/// Full inboxes, each of which displaces a notification at every add.
const FULL: usize = 20;
/// Notifications of an inbox that is not full.
const FEW: usize = 10;

/// Measures the time of an add to an inbox with 1,000 notifications against one with 10.
pub(crate) fn full(fixture: &mut Fixture) -> Result<Statistics> {
    fixture.server.flush()?;
    // Twice as many as an inbox keeps, so that the ids of removed notifications are at their limit too.
    let fill = 2 * MAX_NOTIFICATIONS * FULL;
    fixture.notify_each((0..fill).map(|number| number % FULL), note)?;
    let mut first = FULL;
    let measure = |side| {
        let elapsed = match side {
            Side::Left => fixture.notify_each((0..RECIPIENTS).map(|number| number % FULL), note)?,
            Side::Right => {
                let recipients = first..first + RECIPIENTS;
                first += RECIPIENTS;
                let all = recipients.clone();
                fixture.notify_each((0..FEW).flat_map(move |_| all.clone()), note)?;
                fixture.notify_each(recipients, note)?
            }
        };
        Ok(micros_each(elapsed, RECIPIENTS))
    };
    let pair = compare::measure_alternating(measure)?;
    println!("{:<24} {:.1} us", "add to 1,000", pair.left);
    println!("{:<24} {:.1} us", "add to 10", pair.right);
    Ok(pair.ratio)
}
