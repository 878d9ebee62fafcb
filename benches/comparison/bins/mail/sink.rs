//! An SMTP server that accepts everything.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use comparison::Result;

pub(crate) struct Sink {
    process: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

impl Sink {
    /// Starts the server, a program in Python.
    ///
    /// # Errors
    ///
    /// It does not start: run tests/setup.sh.
    pub(crate) fn start(program: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("salver-sink-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut process = Command::new("target/venv/bin/python")
            .arg(program)
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("the SMTP server does not start ({error}): run tests/setup.sh")
            })?;
        let stdout = process
            .stdout
            .take()
            .ok_or("the SMTP server has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().parse()?;
        Ok(Self {
            process,
            folder,
            port,
        })
    }

    /// Returns how many mails it has accepted.
    pub(crate) fn accepted(&self) -> Result<usize> {
        let mails = std::fs::read_to_string(self.folder.join("mails"))?;
        Ok(mails.lines().count())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
