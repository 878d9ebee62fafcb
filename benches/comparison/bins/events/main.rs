//! Measures published events against a Redis stream, and fan-outs against notifications that are written by hand.

mod fan_out;
mod matching;
mod memory;
mod page;
mod publish;
mod subscribers;

use comparison::programs::{self, SITE_CORE};
use comparison::{Result, compare, environment};

fn main() -> Result {
    environment::print()?;
    programs::pin_to_core(SITE_CORE)?;
    println!("\nEvents, {} rounds", compare::rounds()?);
    let one = publish::one_at_a_time()?;
    let script = publish::script_by_hand()?;
    let pipelined = publish::pipelined()?;
    let fan_out = fan_out::measure()?;
    let page = page::measure()?;
    let matching = matching::measure()?;
    let memory = memory::measure()?;
    println!();
    one.print_ratio("events/publish");
    script.print_ratio("events/publish_script");
    pipelined.print_ratio("events/publish_pipelined");
    fan_out.print_ratio("events/fanout");
    page.print_ratio("events/page_p99");
    matching.print_ratio("events/matching");
    println!("{memory}");
    Ok(())
}
