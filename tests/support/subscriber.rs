//! The program of examples/broker, which users copy.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::eventually;
use super::processes::{ChildProcess, free_port, scratch, start};

/// A running subscriber, which verifies by the secret in its file.
pub struct Subscriber {
    pub url: String,
    secret: PathBuf,
    process: ChildProcess,
}

impl Subscriber {
    pub async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/venv/bin/python");
        assert!(python.exists(), "Python is missing: run tests/setup.sh");
        let (port, secret) = (free_port(), scratch("subscriber").join("secret"));
        let mut command = Command::new(python);
        command
            .arg(root.join("examples/broker/subscriber.py"))
            .env("PORT", port.to_string())
            .env("WEBHOOK_SECRET_FILE", &secret)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let process = start(&mut command, "python3");
        eventually("the subscriber listens", async || {
            let connection = tokio::net::TcpStream::connect(("127.0.0.1", port));
            connection.await.ok()
        })
        .await;
        Self {
            url: format!("http://127.0.0.1:{port}/hook"),
            secret,
            process,
        }
    }

    pub fn save_secret(&self, secret: &str) {
        std::fs::write(&self.secret, format!("{secret}\n")).unwrap();
    }

    /// Returns the next events that it prints. Waits for them.
    pub fn events(&mut self, count: usize) -> Vec<String> {
        let lines = self.process.lines().map(Result::unwrap);
        let events = lines.filter(|line| line.starts_with("counter."));
        events.take(count).collect()
    }
}
