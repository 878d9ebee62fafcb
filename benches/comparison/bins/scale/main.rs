//! What things cost as work grows: more sessions, more messages, more processes, and what a message weighs.
//!
//! `TOP` sets the most sessions; as it comes, a million.

mod index;
mod memory;
mod messages;
mod processes;
mod sessions;

use comparison::programs::{self, SITE_CORE};
use comparison::{Outcome, environment};

fn main() -> Outcome {
    environment::tell()?;
    programs::stay_on_core(SITE_CORE)?;
    let mut ratios = vec![("memory/message", memory::weigh()?)];
    messages::grow()?;
    processes::grow()?;
    ratios.extend(sessions::grow()?);
    let figures = index::keep()?;
    println!();
    for (name, ratio) in ratios {
        ratio.tell(name);
    }
    println!("{figures}");
    Ok(())
}
