//! Fan-outs: notifications per second against the same notifications written by hand in pipelines.

use std::time::Instant;

use comparison::Result;
use comparison::compare::{self, Side};
use comparison::statistics::Statistics;

use crate::subscribers::Subscribed;

/// Measures events to all subscribers.
pub(crate) fn measure() -> Result<Statistics> {
    let mut site = Subscribed::new()?;
    let mut position = 0;
    let mut measure = |side: Side| {
        position += 1;
        let started = Instant::now();
        match side {
            Side::Left => site.fan_out()?,
            Side::Right => site.add_by_hand(position, |_| {})?,
        }
        Ok(site.subscribers as f64 / started.elapsed().as_secs_f64())
    };
    measure(Side::Left)?;
    measure(Side::Right)?;
    let pair = compare::measure_alternating(measure)?;
    println!("{:<32} {:.0} per second", "fan-out, Salver", pair.left);
    println!("{:<32} {:.0} per second", "fan-out, by hand", pair.right);
    Ok(pair.ratio)
}
