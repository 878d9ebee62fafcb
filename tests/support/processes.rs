//! External programs. A missing program fails the test with a message that names the package to
//! install.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A child process. Dropping it kills the process and its children.
#[derive(Debug)]
pub struct ChildProcess(Child);

impl ChildProcess {
    pub fn has_exited(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Returns the lines that the process writes to standard output.
    pub fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().unwrap()).lines()
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends `SIGINT`, as Ctrl-C does, and returns the exit status.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.signal("INT");
        self.wait()
    }

    /// Sends a signal: `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let kill = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(kill.unwrap().success());
    }

    pub fn kill(&mut self) {
        self.signal("KILL");
        self.wait();
    }

    /// Sends `SIGTERM`, and waits until the process has ended without an error.
    pub fn terminate(&mut self) {
        self.signal("TERM");
        assert!(self.wait().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // The whole process group, since the process may have children. It may have exited already.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.0.wait();
    }
}

/// Starts a program. `package` is the Debian package that contains it.
pub fn start(command: &mut Command, package: &str) -> ChildProcess {
    match command.process_group(0).spawn() {
        Ok(child) => ChildProcess(child),
        Err(error) => panic!(
            "{} cannot be started ({error}): install it, on Debian by `apt-get install {package}`",
            command.get_program().to_string_lossy(),
        ),
    }
}

/// Starts an ignored test as a process of its own, with one environment variable. `test` is its path with that of the crate.
pub fn start_test(test: &str, (variable, value): (&str, &str)) -> ChildProcess {
    let (_, name) = test.split_once("::").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(variable, value)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    start(&mut command, "cargo")
}

/// Returns the path of a shared library. The folder depends on the system and its architecture.
pub fn library(name: &str, package: &str) -> PathBuf {
    let mut folders = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")];
    let subfolders = Path::new("/usr/lib").read_dir().into_iter().flatten();
    folders.extend(subfolders.map(|entry| entry.unwrap().path()));
    let mut paths = folders.iter().map(|folder| folder.join(name));
    paths.find(|path| path.exists()).unwrap_or_else(|| {
        panic!("{name} is missing: install it, on Debian by `apt-get install {package}`")
    })
}

/// The ports of servers. They are below those that Linux gives to outgoing connections (from 32768 on): such a connection could
/// take the port before its server listens. The ports of the bus of a Cluster, which are 10,000 higher, are below them too.
const SERVER_PORTS: std::ops::Range<u16> = 10_000..22_000;

/// Returns a port on which no process listens.
pub fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(SERVER_PORTS);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Creates an empty folder below the target folder.
pub fn scratch(name: &str) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (process, number) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = parent.join(format!("{name}-{process}-{number}"));
    // An earlier process with the same id may have left a folder.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
