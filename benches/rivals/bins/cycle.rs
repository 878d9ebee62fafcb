//! Post, redirect, get with one message: cycles per second of Salver and its rivals.

use rivals::compare;
use rivals::load::Plan;
use rivals::server::Server;
use rivals::{Outcome, machine};

const RIVALS: [&str; 5] = ["raw", "session-rival", "cookie-rival", "pool", "zrange"];

fn main() -> Outcome {
    machine::tell()?;
    let mut server = Server::start(&[])?;
    let mut ratios = Vec::new();
    compare::head("Post, redirect, get with one message")?;
    for mode in RIVALS {
        let ratio = compare::sites(&mut server, ["salver", mode], Plan::Cycle)?;
        ratios.push((format!("cycle/{mode}"), ratio));
    }
    // Without a process that is told of every change.
    let ratio = compare::sites(&mut server, ["strict", "raw"], Plan::Cycle)?;
    ratios.push(("cycle/strict/raw".into(), ratio));
    println!();
    for (name, ratio) in ratios {
        ratio.tell(&name);
    }
    Ok(())
}
