//! Measures post, redirect, get with one message: cycles per second of Salver and of the
//! alternatives.
//!
//! If `BENCH_PREVIOUS_SITE` is the path of the `site` program of another build, only compares the
//! two builds, and prints `RATIO cycle/previous`.

use std::env;

use comparison::compare;
use comparison::load::Workload;
use comparison::server::Server;
use comparison::{Result, environment};

/// The modes that Salver is compared with, and their names in the output.
const OTHER_MODES: [(&str, &str); 5] = [
    ("raw", "raw"),
    ("flash-session", "session-rival"),
    ("flash-cookie", "cookie-rival"),
    ("pool", "pool"),
    ("zrange", "zrange"),
];

fn main() -> Result {
    environment::print()?;
    let mut server = Server::start(&[])?;
    let mut ratios = Vec::new();
    if let Ok(previous) = env::var("BENCH_PREVIOUS_SITE") {
        compare::print_header("Post, redirect, get, by this build and the previous one")?;
        let ratio = compare::builds(&mut server, &previous, Workload::PostRedirectGet)?;
        ratio.print_ratio("cycle/previous");
        return Ok(());
    }
    compare::print_header("Post, redirect, get with one message")?;
    for (mode, name) in OTHER_MODES {
        let ratio = compare::sites(&mut server, ["salver", mode], Workload::PostRedirectGet)?;
        ratios.push((format!("cycle/{name}"), ratio));
    }
    // Salver without a pending index, so that Redis sends no invalidations.
    let ratio = compare::sites(
        &mut server,
        ["without-index", "raw"],
        Workload::PostRedirectGet,
    )?;
    ratios.push(("cycle/without-index/raw".into(), ratio));
    println!();
    for (name, ratio) in ratios {
        ratio.print_ratio(&name);
    }
    Ok(())
}
