//! Pages per second. With `BENCH_PREVIOUS_SITE`, the path of the `site` program of another build, compares the two
//! builds only and prints `RATIO page/idle/previous`. Else Salver and its rivals: with nothing pending, and with one message.

use std::{env, fs};

use comparison::compare;
use comparison::load::Plan;
use comparison::plot::{self, Bar};
use comparison::server::Server;
use comparison::{Outcome, environment};

const PLOT: &str = "benches/page.svg";

/// Against whom, with the words of the plot.
const RIVALS: [(&str, &str); 5] = [
    ("bare", "the bare handler, no messages"),
    ("flash-cookie", "actix-web-flash-messages, cookie"),
    ("flash-session", "actix-web-flash-messages, Redis"),
    ("pool", "a pool's connection and a script"),
    ("zrange", "one ZRANGE per page, by hand"),
];

fn main() -> Outcome {
    environment::tell()?;
    let mut server = Server::start(&[])?;
    let (mut bars, mut ratios) = (Vec::new(), Vec::new());

    if let Ok(previous) = env::var("BENCH_PREVIOUS_SITE") {
        compare::head("Page with nothing pending, this build and the previous one")?;
        let ratio = compare::builds(&mut server, &previous, Plan::Idle)?;
        ratio.tell("page/idle/previous");
        return Ok(());
    }
    compare::head("Page with nothing pending, of a visitor with a session")?;
    for (mode, words) in RIVALS {
        let ratio = compare::sites(&mut server, ["salver", mode], Plan::Idle)?;
        ratios.push((format!("page/idle/{mode}"), ratio));
        bars.push(Bar { words, ratio });
    }
    fs::write(PLOT, plot::draw(&bars))?;
    // What no page can do better than: no page is faster than one without messages.
    for rival in ["flash-cookie", "flash-session", "pool", "zrange"] {
        let ratio = compare::sites(&mut server, ["bare", rival], Plan::Idle)?;
        ratios.push((format!("page/ceiling/{rival}"), ratio));
    }
    let ratio = compare::sites(&mut server, ["strict", "bare"], Plan::Idle)?;
    ratios.push(("page/strict/bare".into(), ratio));

    compare::head("Page with one message")?;
    // The bare handler has no message to show.
    for (mode, _) in RIVALS.into_iter().skip(1) {
        let ratio = compare::sites(&mut server, ["salver", mode], Plan::Shown)?;
        ratios.push((format!("page/shown/{mode}"), ratio));
    }

    println!();
    for (name, ratio) in ratios {
        ratio.tell(&name);
    }
    println!("The plot is in {PLOT}");
    Ok(())
}
