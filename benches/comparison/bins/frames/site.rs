//! What both sides have in common.

use std::io;

use comparison::Result;

/// Adds that are in flight at once, on both sides.
pub(crate) const IN_FLIGHT: usize = 200;

/// Prints the port, then calls `notify` for each line of standard input.
pub(crate) fn run(port: u16, mut notify: impl FnMut() -> Result) -> Result {
    println!("{port}");
    for line in io::stdin().lines() {
        line?;
        notify()?;
    }
    Ok(())
}
