//! What a pending message weighs in Redis, its session's book included, against the bare member.

use comparison::compare::{self, Side};
use comparison::fixture::Setting;
use comparison::statistics::Figures;
use comparison::visitors;
use comparison::{Outcome, TEXT};
use salver::{Message, wire};

const PEOPLE: usize = 100_000;
/// As long as those that Salver writes.
const TIME: u64 = 1_700_000_000_000;

/// Prints bytes per message, on the server's defaults and with the setting that the deployment page recommends;
/// gives the ratio on the defaults.
pub(crate) fn weigh() -> Outcome<Figures> {
    println!(
        "\nBytes of Redis per pending message, one for each of {PEOPLE} sessions, {} rounds",
        compare::rounds()?
    );
    let ratio = weigh_with("on defaults", &[])?;
    weigh_with(
        "zset-max-listpack-value 512",
        &["--zset-max-listpack-value", "512"],
    )?;
    Ok(ratio)
}

fn weigh_with(name: &str, options: &[&str]) -> Outcome<Figures> {
    let mut setting = Setting::with(options)?;
    let pair = compare::in_turn(|side| bytes_each(&mut setting, side))?;
    println!(
        "{name:<30} by Salver {:<20} by ZADD {:<20} ratio {:.2}",
        format!("{:.0}", pair.left),
        format!("{:.0}", pair.right),
        pair.ratio
    );
    Ok(pair.ratio)
}

fn bytes_each(setting: &mut Setting, side: Side) -> Outcome<f64> {
    setting.server.empty()?;
    let before = setting.server.memory()?;
    match side {
        Side::Left => setting.fill(PEOPLE)?,
        Side::Right => {
            let member = wire::encode(&Message::success(TEXT))?;
            let add = |number| visitors::add_bare(number, TIME, &member).ok();
            setting.pipe.send((0..PEOPLE).filter_map(add))?;
        }
    }
    Ok((setting.server.memory()? - before) / PEOPLE as f64)
}
