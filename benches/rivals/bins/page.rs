//! Pages per second of Salver and its rivals: with nothing pending, and with one message.

use std::fs;

use rivals::compare;
use rivals::load::Plan;
use rivals::plot::{self, Bar};
use rivals::server::Server;
use rivals::{Outcome, machine};

const PLOT: &str = "benches/page.svg";

/// Against whom, with the words of the plot.
const RIVALS: [(&str, &str); 5] = [
    ("bare", "the bare handler, no messages"),
    ("cookie-rival", "actix-web-flash-messages, cookie"),
    ("session-rival", "actix-web-flash-messages, Redis"),
    ("pool", "a pool's connection and a script"),
    ("zrange", "one ZRANGE per page, by hand"),
];

fn main() -> Outcome {
    machine::tell()?;
    let mut server = Server::start(&[])?;
    let (mut bars, mut ratios) = (Vec::new(), Vec::new());

    compare::head("Page with nothing pending, of a visitor with a session")?;
    for (mode, words) in RIVALS {
        let ratio = compare::sites(&mut server, ["salver", mode], Plan::Idle)?;
        ratios.push((format!("page/idle/{mode}"), ratio));
        bars.push(Bar { words, ratio });
    }
    fs::write(PLOT, plot::draw(&bars))?;
    // What no page can do better than: no page is faster than one without messages.
    for rival in ["cookie-rival", "session-rival", "pool", "zrange"] {
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
