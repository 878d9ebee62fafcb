//! Measures pages per second of Salver and of the alternatives: with nothing pending, and with one
//! message.
//!
//! If `BENCH_PREVIOUS_SITE` is the path of the `site` program of another build, only compares the
//! two builds, and prints `RATIO page/idle/previous`.

use std::{env, fs};

use comparison::compare;
use comparison::load::Workload;
use comparison::plot::{self, Bar};
use comparison::server::Server;
use comparison::{Result, environment};

const PLOT: &str = "benches/page.svg";

/// The modes that Salver is compared with, and their labels in the plot.
const OTHER_MODES: [(&str, &str); 5] = [
    ("bare", "bare handler, no messages"),
    ("flash-cookie", "actix-web-flash-messages, cookie"),
    ("flash-session", "actix-web-flash-messages, Redis"),
    ("pool", "connection pool and a script"),
    ("zrange", "one plain ZRANGE per page"),
];

fn main() -> Result {
    environment::print()?;
    let mut server = Server::start(&[])?;
    let (mut bars, mut ratios) = (Vec::new(), Vec::new());

    if let Ok(previous) = env::var("BENCH_PREVIOUS_SITE") {
        compare::print_header("Page with nothing pending, this build and the previous one")?;
        let ratio = compare::builds(&mut server, &previous, Workload::NothingPending)?;
        ratio.print_ratio("page/idle/previous");
        return Ok(());
    }
    compare::print_header("Page with nothing pending, of a visitor with a session")?;
    for (mode, label) in OTHER_MODES {
        let ratio = compare::sites(&mut server, ["salver", mode], Workload::NothingPending)?;
        ratios.push((format!("page/idle/{mode}"), ratio));
        bars.push(Bar { label, ratio });
    }
    fs::write(
        PLOT,
        plot::render("Pages per second with nothing pending", &bars),
    )?;
    // The highest possible ratios: no page is faster than one without messages.
    for mode in ["flash-cookie", "flash-session", "pool", "zrange"] {
        let ratio = compare::sites(&mut server, ["bare", mode], Workload::NothingPending)?;
        ratios.push((format!("page/upper-bound/{mode}"), ratio));
    }
    let ratio = compare::sites(
        &mut server,
        ["without-index", "bare"],
        Workload::NothingPending,
    )?;
    ratios.push(("page/without-index/bare".into(), ratio));

    compare::print_header("Page with one message")?;
    // Skips the bare handler, which shows no messages.
    for (mode, _) in OTHER_MODES.into_iter().skip(1) {
        let ratio = compare::sites(&mut server, ["salver", mode], Workload::OneMessage)?;
        ratios.push((format!("page/shown/{mode}"), ratio));
    }

    println!();
    for (name, ratio) in ratios {
        ratio.print_ratio(&name);
    }
    println!("The plot is in {PLOT}");
    Ok(())
}
