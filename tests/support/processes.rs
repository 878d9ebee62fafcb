//! Programs that tests need; a missing one fails the test and says how to install it.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A process that ends with the test.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    pub fn is_over(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Gives the lines that the process prints.
    pub fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().unwrap()).lines()
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as Ctrl-C does, and tells how it ended.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.signal("INT");
        self.wait()
    }

    /// Sends it a signal: `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let kill = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(kill.unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // With the processes that it started; it may be over already.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.0.wait();
    }
}

/// Starts a program.
pub fn start(command: &mut Command, package: &str) -> Running {
    match command.process_group(0).spawn() {
        Ok(child) => Running(child),
        Err(error) => panic!(
            "{} cannot be started ({error}): install it, on Debian by `apt-get install {package}`",
            command.get_program().to_string_lossy(),
        ),
    }
}

/// Finds a shared library; where depends on the system and its architecture.
pub fn library(name: &str, package: &str) -> PathBuf {
    let mut folders = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")];
    let below = Path::new("/usr/lib").read_dir().into_iter().flatten();
    folders.extend(below.map(|entry| entry.unwrap().path()));
    let mut paths = folders.iter().map(|folder| folder.join(name));
    paths.find(|path| path.exists()).unwrap_or_else(|| {
        panic!("{name} is missing: install it, on Debian by `apt-get install {package}`")
    })
}

/// Finds a port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Makes an empty folder below the target folder.
pub fn scratch(name: &str) -> PathBuf {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let below = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = below.join(format!("{name}-{process}-{number}"));
    // What an earlier process with the same number has left.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
