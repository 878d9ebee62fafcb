//! Measures the life of a job against a Redis stream with a consumer group, and mails against a loop with lettre.

mod life;
mod send;
mod sink;

use comparison::programs::{self, SITE_CORE};
use comparison::{Result, compare, environment};

fn main() -> Result {
    environment::print()?;
    programs::pin_to_core(SITE_CORE)?;
    println!("\nJobs and mails, {} rounds", compare::rounds()?);
    let life = life::measure()?;
    let send = send::measure()?;
    println!();
    life.print_ratio("jobs/life");
    send.print_ratio("mail/send");
    Ok(())
}
