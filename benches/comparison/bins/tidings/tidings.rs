//! The wiki with django-tidings, in a process of its own.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use comparison::Result;

const PYTHON: &str = "target/tidings/bin/python";

pub(crate) struct Tidings {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Tidings {
    /// Starts the program, which subscribes the watchers.
    ///
    /// # Errors
    ///
    /// It does not start: run benches/tidings.
    pub(crate) fn start(watchers: usize, port: u16) -> Result<Self> {
        let mut process = Command::new(PYTHON)
            .args(["-B", "benches/comparison/tidings/fire.py"])
            .args([&watchers.to_string(), &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{PYTHON} does not start ({error}): run benches/tidings"))?;
        let input = process.stdin.take().ok_or("the program has no input")?;
        let output = process.stdout.take().ok_or("the program has no output")?;
        Ok(Self {
            process,
            input,
            output: BufReader::new(output).lines(),
        })
    }

    /// Fires one event. Returns the seconds until all mails were sent.
    ///
    /// # Errors
    ///
    /// The program has ended.
    pub(crate) fn fire(&mut self) -> Result<f64> {
        writeln!(self.input)?;
        let line = self.output.next().ok_or("the program has ended")??;
        Ok(line.parse()?)
    }
}

impl Drop for Tidings {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
