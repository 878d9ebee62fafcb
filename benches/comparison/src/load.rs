//! The load: visitors that request pages from a site as fast as it responds.

use std::process::Stdio;
use std::time::Duration;

use crate::Result;
use crate::programs::{OTHER_CORE, on_core};
use crate::server::Server;
use crate::site::{Site, sibling_program};

/// Number of concurrent visitors.
pub const VISITORS: usize = 64;

/// The requests that each visitor sends.
#[derive(Clone, Copy, Debug)]
pub enum Workload {
    /// Request a page with nothing pending.
    NothingPending,
    /// Request a page with one pending message.
    OneMessage,
    /// Post a form, follow the redirect, and see the message on the page.
    PostRedirectGet,
    /// The traffic of a site: of 100 pages, 95 have nothing pending, and 5 follow a form.
    Mixed,
    /// Post a form, follow the redirect, and see the message on the page, at a fixed rate.
    FixedRate,
}

impl Workload {
    /// Returns the name of the workload on the command line of the load program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NothingPending => "idle",
            Self::OneMessage => "shown",
            Self::PostRedirectGet => "cycle",
            Self::Mixed => "mixed",
            Self::FixedRate => "latency",
        }
    }

    /// Returns the number of requests in one unit, that is, in one page or cycle.
    #[must_use]
    pub fn requests(self) -> f64 {
        match self {
            Self::NothingPending => 1.0,
            Self::Mixed => 1.05,
            Self::OneMessage | Self::PostRedirectGet | Self::FixedRate => 2.0,
        }
    }
}

/// The result of one measurement of a site.
#[derive(Clone, Copy, Debug)]
pub struct LoadResult {
    /// Pages or cycles per second.
    pub rate: f64,
    /// Number of messages that were missing from their page, or on a page of another visitor.
    pub missed: u64,
    /// Microseconds of CPU time of the site, for each page or cycle.
    pub site_micros: f64,
    /// Microseconds of CPU time of Redis, for each page or cycle.
    pub redis_micros: f64,
}

/// Runs the load program on a site for `time`, and measures the CPU times of the site and Redis.
///
/// # Errors
///
/// The site refuses a connection, or sends an unexpected response.
pub fn measure(
    site: &Site,
    server: &mut Server,
    workload: Workload,
    time: Duration,
) -> Result<LoadResult> {
    let (site_before, redis_before) = (site.cpu_time()?, server.usage()?);
    let report = run_program(site, workload, VISITORS, time)?;
    let site_time = site.cpu_time()?.saturating_sub(site_before);
    let redis_time = server.usage()?.since(&redis_before).cpu_time;
    let units = (report.requests / workload.requests()).max(1.0);
    let micros = |cpu_time: Duration| cpu_time.as_secs_f64() * 1e6 / units;
    Ok(LoadResult {
        rate: report.rate(),
        missed: report.missed(),
        site_micros: micros(site_time),
        redis_micros: micros(redis_time),
    })
}

/// The numbers that the load program prints.
pub struct LoadReport {
    /// Measured pages or cycles, and the seconds in which they were measured.
    measured: f64,
    seconds: f64,
    missed: f64,
    /// All requests, including those outside the measurement.
    pub requests: f64,
    /// The median and the 99th percentile of the time of a page with a message in microseconds, at a
    /// fixed rate.
    pub percentiles: Option<[f64; 2]>,
}

impl LoadReport {
    /// Returns how many messages were missing from their page, or on a page of another visitor.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed as u64
    }

    /// Returns the pages or cycles per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.measured / self.seconds
    }
}

/// Runs the load program on a site for `time`.
///
/// # Errors
///
/// As [`measure`].
pub fn run_program(
    site: &Site,
    workload: Workload,
    visitors: usize,
    time: Duration,
) -> Result<LoadReport> {
    let mut load = on_core(OTHER_CORE, &sibling_program("load")?);
    load.args([site.address.as_str(), workload.name()]);
    load.args([visitors.to_string(), time.as_millis().to_string()]);
    let output = load.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    match numbers?.as_slice() {
        [measured, seconds, missed, requests, percentiles @ ..] if output.status.success() => {
            Ok(LoadReport {
                measured: *measured,
                seconds: *seconds,
                missed: *missed,
                requests: *requests,
                percentiles: percentiles.try_into().ok(),
            })
        }
        _ => Err(format!("the load on the site '{}' failed", site.mode).into()),
    }
}
