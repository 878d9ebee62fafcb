//! Post, redirect, get with one message: cycles per second of Salver and its rivals.

use comparison::compare;
use comparison::load::Plan;
use comparison::server::Server;
use comparison::{Outcome, environment};

const RIVALS: [&str; 5] = ["raw", "flash-session", "flash-cookie", "pool", "zrange"];

fn main() -> Outcome {
    environment::tell()?;
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
