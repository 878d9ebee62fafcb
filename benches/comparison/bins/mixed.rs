//! Measures the traffic of a site: of 100 pages, 95 have nothing pending, and 5 follow a form and show its
//! message. Pages per second of Salver and of the alternatives.
//!
//! The cookie of `cookie-rival` needs no server, and Redis shares a core with the load: no library that
//! asks a server can reach it in this comparison. `upper-bound` is a handler that sends the three scripts
//! of a message itself, and nothing for other pages: it knows which page has a message, because there is
//! one process.
//!
//! If `BENCH_PLOT` is the path of a file, writes the ratios to it as a plot.

use std::{env, fs};

use comparison::compare;
use comparison::load::Workload;
use comparison::plot::{self, Bar};
use comparison::server::Server;
use comparison::{Result, environment};

/// The modes that Salver is compared with, their names in the output, and their labels in the plot.
const OTHER_MODES: [(&str, &str, &str); 4] = [
    ("bare", "bare", "bare handler, no messages"),
    (
        "flash-cookie",
        "cookie-rival",
        "actix-web-flash-messages, cookie",
    ),
    (
        "flash-session",
        "session-rival",
        "actix-web-flash-messages, Redis",
    ),
    ("pool", "pool", "connection pool and a script"),
];

/// The mode of `upper-bound`.
const UPPER_BOUND: &str = "raw-after-form";

fn main() -> Result {
    environment::print()?;
    let mut server = Server::start(&[])?;
    compare::print_header("Pages of a site, of which 95 in 100 have nothing pending")?;
    let (mut bars, mut ratios) = (Vec::new(), Vec::new());
    for (mode, name, label) in OTHER_MODES {
        let ratio = compare::sites(&mut server, ["salver", mode], Workload::Mixed)?;
        ratios.push((name, ratio));
        bars.push(Bar { label, ratio });
    }
    let of_salver = compare::sites(&mut server, ["salver", UPPER_BOUND], Workload::Mixed)?;
    let mut limits = Vec::new();
    for (mode, name, _) in OTHER_MODES {
        let ratio = compare::sites(&mut server, [UPPER_BOUND, mode], Workload::Mixed)?;
        limits.push((name, ratio));
    }
    if let Ok(path) = env::var("BENCH_PLOT") {
        let title = "Pages per second, 5 of 100 with the message of a form";
        fs::write(path, plot::render(title, &bars))?;
    }
    println!();
    for (name, ratio) in ratios {
        ratio.print_ratio(&format!("mixed/{name}"));
    }
    of_salver.print_ratio("mixed/upper-bound");
    for (name, ratio) in limits {
        ratio.print_ratio(&format!("mixed/upper-bound/{name}"));
    }
    Ok(())
}
