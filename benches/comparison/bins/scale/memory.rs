//! The memory of a pending message in Redis, with its session index, against the plain member.

use comparison::compare::{self, Side};
use comparison::fixture::Fixture;
use comparison::statistics::Statistics;
use comparison::visitors;
use comparison::{Result, TEXT};
use salver::{Message, wire};

const VISITORS: usize = 100_000;
/// A score with as many digits as those that Salver writes.
const TIME: u64 = 1_700_000_000_000;

/// Prints the bytes of a message, with the server's default options and with the option that the
/// deployment page recommends. Returns the ratio with the default options.
pub(crate) fn measure() -> Result<Statistics> {
    println!(
        "\nBytes of Redis per pending message, one for each of {VISITORS} sessions, {} rounds",
        compare::rounds()?
    );
    let ratio = measure_with("default options", &[])?;
    measure_with(
        "zset-max-listpack-value 512",
        &["--zset-max-listpack-value", "512"],
    )?;
    Ok(ratio)
}

fn measure_with(name: &str, options: &[&str]) -> Result<Statistics> {
    let mut fixture = Fixture::with(options)?;
    let pair = compare::measure_alternating(|side| bytes_each(&mut fixture, side))?;
    println!(
        "{name:<30} Salver {:<20} ZADD {:<20} ratio {:.2}",
        format!("{:.0}", pair.left),
        format!("{:.0}", pair.right),
        pair.ratio
    );
    Ok(pair.ratio)
}

fn bytes_each(fixture: &mut Fixture, side: Side) -> Result<f64> {
    fixture.server.flush()?;
    let before = fixture.server.used_memory()?;
    match side {
        Side::Left => fixture.fill(VISITORS)?,
        Side::Right => {
            let member = wire::encode(&Message::success(TEXT))?;
            let add = |number| visitors::plain_add(number, TIME, &member).ok();
            fixture.connection.send((0..VISITORS).filter_map(add))?;
        }
    }
    Ok((fixture.server.used_memory()? - before) / VISITORS as f64)
}
