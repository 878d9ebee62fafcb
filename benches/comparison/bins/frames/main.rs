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

use comparison::compare;
use comparison::programs::{OTHER_CORE, Running, SITE_CORE, on_core, pin_to_core};
use comparison::server::Server;
use comparison::{Result, environment};

use crate::pages::Pages;

/// The number of open pages, each of another person.
const PAGES: usize = 10_000;
/// Time after which every stream reads again without a delay.
const QUIET_TIME: Duration = Duration::from_millis(2_500);

fn main() -> Result {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["salver", redis] => with_salver::serve(redis),
        ["by-hand", redis] => by_hand::serve(redis),
        _ => run(),
    }
}

fn run() -> Result {
    environment::print()?;
    pin_to_core(OTHER_CORE)?;
    println!("\nOpen pages: {PAGES}, {} rounds", compare::rounds()?);
    let server = Server::start(&[])?;
    let mut sites = [
        Site::start("salver", &server.url())?,
        Site::start("by-hand", &server.url())?,
    ];
    for site in &mut sites {
        measure(site)?;
    }
    let pair = compare::measure_alternating(|side| {
        let elapsed = measure(&mut sites[side as usize])?;
        Ok(PAGES as f64 / elapsed.as_secs_f64())
    })?;
    for (name, rate) in [("Salver", pair.left), ("by hand", pair.right)] {
        println!("{name:<24} {rate:.0} notifications per second");
    }
    println!();
    pair.ratio.print_ratio("live/frames");
    Ok(())
}

/// Opens all pages of a site, lets it notify each of them, and returns the time until all have the frame.
fn measure(site: &mut Site) -> Result<Duration> {
    let pages = Pages::open(site.port, PAGES)?;
    std::thread::sleep(QUIET_TIME);
    let started = Instant::now();
    site.notify_all()?;
    pages.wait_for_notifications()?;
    Ok(started.elapsed())
}

/// One side, in a process of its own.
struct Site {
    port: u16,
    process: Running,
}

impl Site {
    fn start(side: &str, redis: &str) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = on_core(SITE_CORE, &program.to_string_lossy());
        let mut process = Running::start_with_pipes(command.args([side, redis]))?;
        Ok(Self {
            port: process.first_line()?.parse()?,
            process,
        })
    }

    fn notify_all(&mut self) -> Result {
        let input = self.process.child().stdin.as_mut().ok_or("no input")?;
        Ok(input.write_all(b"notify\n")?)
    }
}
