//! Measures adds and lists of an inbox against the same work by hand with the redis crate, adds to a full inbox,
//! and the memory of an inbox.

mod add;
mod fixture;
mod list;
mod memory;

use comparison::compare;
use comparison::programs::{self, SITE_CORE};
use comparison::{Result, environment};

use crate::fixture::Fixture;

fn main() -> Result {
    environment::print()?;
    programs::pin_to_core(SITE_CORE)?;
    let mut fixture = Fixture::new()?;
    println!("\nInbox, {} rounds", compare::rounds()?);
    let mut ratios = vec![
        ("inbox/add", add::by_hand(&mut fixture)?),
        ("inbox/full", add::full(&mut fixture)?),
    ];
    ratios.extend(list::measure(&mut fixture)?);
    let memory = memory::measure(&mut fixture)?;
    println!();
    for (name, ratio) in ratios {
        ratio.print_ratio(name);
    }
    println!("{memory}");
    Ok(())
}
