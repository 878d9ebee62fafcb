//! Measures how fast notifications reach open pages: from the first add until the last page has its frame.
//!
//! Each side serves its streams in a process of its own, which also adds the notifications, one for each page. This
//! process has the pages, and shares its core with Redis.

mod by_hand;
mod pages;
mod site;
mod with_salver;

use std::io::Write;
use std::time::{Duration, Instant};

use comparison::compare::{self, Side};
use comparison::programs::{OTHER_CORE, Running, SITE_CORE, on_core, pin_to_core};
use comparison::server::Server;
use comparison::statistics::Statistics;
use comparison::{Result, environment};

use crate::by_hand::Reader;
use crate::pages::Pages;

/// The number of open pages, each of another person.
const PAGES: usize = 10_000;
/// Time after which every stream reads again without a delay.
const QUIET_TIME: Duration = Duration::from_millis(2_500);

fn main() -> Result {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["salver", redis] => with_salver::serve(redis),
        ["by-hand", redis] => by_hand::serve(redis, Reader::Adder),
        ["reports-by-hand", redis] => by_hand::serve(redis, Reader::Tracking),
        _ => run(),
    }
}

fn run() -> Result {
    environment::print()?;
    pin_to_core(OTHER_CORE)?;
    println!("\nOpen pages: {PAGES}, {} rounds", compare::rounds()?);
    let [mut salver, mut by_hand, mut reports_by_hand] = [
        Site::start("salver")?,
        Site::start("by-hand")?,
        Site::start("reports-by-hand")?,
    ];
    for site in [&mut salver, &mut by_hand, &mut reports_by_hand] {
        measure(site)?;
    }
    let ratios = [
        ("live/frames", compare(&mut salver, &mut by_hand)?),
        (
            "live/reports-by-hand",
            compare(&mut reports_by_hand, &mut by_hand)?,
        ),
        (
            "live/frames/reports-by-hand",
            compare(&mut salver, &mut reports_by_hand)?,
        ),
    ];
    println!();
    for (name, ratio) in ratios {
        ratio.print_ratio(name);
    }
    Ok(())
}

/// Compares the notifications per second of two sites.
fn compare(left: &mut Site, right: &mut Site) -> Result<Statistics> {
    let names = [left.side, right.side];
    let pair = compare::measure_alternating(|side| {
        let elapsed = measure(match side {
            Side::Left => left,
            Side::Right => right,
        })?;
        Ok(PAGES as f64 / elapsed.as_secs_f64())
    })?;
    for (name, rate) in names.into_iter().zip([pair.left, pair.right]) {
        println!("{name:<24} {rate:.0} notifications per second");
    }
    Ok(pair.ratio)
}

/// Opens all pages of a site, lets it notify each of them, and returns the time until all have the frame.
fn measure(site: &mut Site) -> Result<Duration> {
    let mut pages = Pages::open(site.port, PAGES)?;
    std::thread::sleep(QUIET_TIME);
    let started = Instant::now();
    site.notify_all()?;
    pages.wait_for_notifications()?;
    Ok(started.elapsed())
}

/// One side, in a process of its own, with a Redis server of its own.
struct Site {
    side: &'static str,
    port: u16,
    process: Running,
    _server: Server,
}

impl Site {
    fn start(side: &'static str) -> Result<Self> {
        let server = Server::start(&[])?;
        let program = std::env::current_exe()?;
        let mut command = on_core(SITE_CORE, &program.to_string_lossy());
        let mut process = Running::start_with_pipes(command.args([side, &server.url()]))?;
        Ok(Self {
            side,
            _server: server,
            port: process.first_line()?.parse()?,
            process,
        })
    }

    fn notify_all(&mut self) -> Result {
        let input = self.process.child().stdin.as_mut().ok_or("no input")?;
        Ok(input.write_all(b"notify\n")?)
    }
}
