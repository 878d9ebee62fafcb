//! The load: visitors who ask a site for pages, as fast as it answers.

use std::process::Stdio;
use std::time::Duration;

use crate::Outcome;
use crate::programs::{OTHER_CORE, on_core};
use crate::server::Server;
use crate::site::{Site, beside_this};

/// How many visitors there are at once.
pub const VISITORS: usize = 64;

/// What the visitors do.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// Ask for a page for which nothing is pending.
    Idle,
    /// Ask for a page for which one message is pending.
    Shown,
    /// Post a form, be redirected, and see the message on the page.
    Cycle,
}

impl Plan {
    /// The word by which the program of the load knows it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Shown => "shown",
            Self::Cycle => "cycle",
        }
    }

    /// How many requests are one of what is counted.
    #[must_use]
    pub fn requests(self) -> f64 {
        match self {
            Self::Idle => 1.0,
            Self::Shown | Self::Cycle => 2.0,
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// How many pages, or cycles, in a second.
    pub rate: f64,
    /// How many pages did not have their message, or had another's.
    pub missed: u64,
    /// Microseconds of the site's processor for each page or cycle.
    pub site_micros: f64,
    /// The same of the server's.
    pub redis_micros: f64,
}

/// Lets the visitors at a site for a while.
///
/// # Errors
///
/// A site that refuses, or answers what it should not.
pub fn run(site: &Site, server: &mut Server, plan: Plan, time: Duration) -> Outcome<Served> {
    let (site_before, redis_before) = (site.busy()?, server.spent()?);
    let told = ask(site, plan, VISITORS, time)?;
    let site_busy = site.busy()?.saturating_sub(site_before);
    let redis_busy = server.spent()?.since(&redis_before).busy;
    let units = (told.requests / plan.requests()).max(1.0);
    let micros = |busy: Duration| busy.as_secs_f64() * 1e6 / units;
    Ok(Served {
        rate: told.rate(),
        missed: told.missed as u64,
        site_micros: micros(site_busy),
        redis_micros: micros(redis_busy),
    })
}

/// What the program of the load tells.
pub struct Told {
    /// How many pages or cycles were measured, and in how many seconds.
    measured: f64,
    seconds: f64,
    missed: f64,
    /// How many requests there were in all, those included that were not measured.
    pub requests: f64,
}

impl Told {
    /// How many pages, or cycles, there were in a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.measured / self.seconds
    }
}

/// Runs the program of the load.
///
/// # Errors
///
/// As [`run`].
pub fn ask(site: &Site, plan: Plan, visitors: usize, time: Duration) -> Outcome<Told> {
    let mut load = on_core(OTHER_CORE, &beside_this("load")?);
    load.args([site.address.as_str(), plan.word()]);
    load.args([visitors.to_string(), time.as_millis().to_string()]);
    let output = load.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    match figures?.as_slice() {
        [measured, seconds, missed, requests] if output.status.success() => Ok(Told {
            measured: *measured,
            seconds: *seconds,
            missed: *missed,
            requests: *requests,
        }),
        _ => Err(format!("the load on the site '{}' failed", site.mode).into()),
    }
}
