//! Programs that tests need; a missing one fails the test and says how to install it.

use std::path::PathBuf;
use std::process::{Child, Command};

/// A process that ends with the test.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    pub fn is_over(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program.
pub fn start(command: &mut Command, package: &str) -> Running {
    match command.spawn() {
        Ok(child) => Running(child),
        Err(error) => panic!(
            "{} cannot be started ({error}): install it, on Debian by `apt-get install {package}`",
            command.get_program().to_string_lossy(),
        ),
    }
}

/// Finds a port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Makes an empty folder below the target folder.
pub fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "{name}-{}-{}",
        std::process::id(),
        free_port()
    ));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
