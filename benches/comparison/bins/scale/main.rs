//! Measures costs as sessions, messages and processes grow, and the memory of a message.
//!
//! `BENCH_MAX_VISITORS` sets the maximum number of sessions, a million by default.

mod index;
mod memory;
mod messages;
mod processes;
mod sessions;

use comparison::programs::{self, SITE_CORE};
use comparison::{Result, environment};

fn main() -> Result {
    environment::print()?;
    programs::pin_to_core(SITE_CORE)?;
    let mut ratios = vec![("memory/message", memory::measure()?)];
    messages::measure()?;
    processes::measure()?;
    ratios.extend(sessions::measure()?);
    let index = index::measure()?;
    println!();
    for (name, ratio) in ratios {
        ratio.print_ratio(name);
    }
    println!("{index}");
    Ok(())
}
