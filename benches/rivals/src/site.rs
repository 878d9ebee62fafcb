//! A site in one of its modes, on the core of the sites.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use crate::Outcome;
use crate::programs::{Running, SITE_CORE, on_core};

/// A site that listens, ended when dropped.
#[derive(Debug)]
pub struct Site {
    pub mode: &'static str,
    pub address: String,
    process: Running,
}

impl Site {
    /// Starts a site and waits until it listens.
    ///
    /// # Errors
    ///
    /// A site that does not come up: it has said why.
    pub fn start(mode: &'static str, redis: &str) -> Outcome<Self> {
        let program = beside_this("site")?;
        let mut command = on_core(SITE_CORE, &program);
        let mut process = Running::start(command.args([mode, redis]).stdout(Stdio::piped()))?;
        let output = process.child().stdout.take();
        let mut address = String::new();
        if let Some(output) = output {
            BufReader::new(output).read_line(&mut address)?;
        }
        let address = address.trim().to_owned();
        if address.is_empty() {
            return Err(format!("the site '{mode}' did not come up").into());
        }
        Ok(Self {
            mode,
            address,
            process,
        })
    }

    /// Tells how long the site has been on the processor.
    ///
    /// # Errors
    ///
    /// A site that has ended.
    pub fn busy(&self) -> Outcome<Duration> {
        self.process.busy()
    }
}

/// Gives the path of a program that was built with this one.
///
/// # Errors
///
/// A program that does not know where it is.
pub fn beside_this(name: &str) -> Outcome<String> {
    let path = std::env::current_exe()?.with_file_name(name);
    Ok(path.to_string_lossy().into_owned())
}
