//! The example programs, run as separate processes.

use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use super::eventually;
use super::processes::{ChildProcess, free_port, start};
use super::redis::Server;

/// Returns the path of an example that was built together with this test.
pub fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(name);
    assert!(
        path.exists(),
        "example `{name}` is not built: run `cargo build --examples`"
    );
    path
}

/// Starts an example on a free port and waits until it replies. For examples that print no address.
pub async fn start_example(name: &str, path: &str) -> (String, ChildProcess) {
    start_example_with(name, path, &[]).await
}

/// Starts an example with environment variables.
pub async fn start_example_with(
    name: &str,
    path: &str,
    variables: &[(&str, &str)],
) -> (String, ChildProcess) {
    let url = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(example(name));
    let command = command
        .env("SALVER_ADDR", &url)
        .envs(variables.iter().copied());
    let process = start(command, "cargo");
    let url = format!("http://{url}{path}");
    eventually("the example replies", async || {
        reqwest::get(&url).await.ok()
    })
    .await;
    (url, process)
}

/// A running dashboard example.
#[derive(Debug)]
pub struct Dashboard {
    pub url: String,
    /// The first line that the dashboard prints.
    pub startup_line: String,
    process: ChildProcess,
}

impl Dashboard {
    /// Starts the dashboard on a free port. It uses Redis if `redis_url` is given, else an embedded
    /// store.
    pub fn start(redis_url: Option<&str>) -> Self {
        let mut command = Command::new(example("dashboard"));
        command
            .env("SALVER_ADDR", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .env_remove("REDIS_URL");
        if let Some(url) = redis_url {
            command.env("REDIS_URL", url);
        }
        let mut process = start(&mut command, "cargo");
        let startup_line = process
            .lines()
            .next()
            .expect("the dashboard prints nothing")
            .unwrap();
        let url = startup_line
            .split_whitespace()
            .find(|text| text.starts_with("http://"));
        let url = url.expect("the dashboard prints no address").to_owned();
        Self {
            url,
            startup_line,
            process,
        }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn interrupt(mut self) -> ExitStatus {
        self.process.interrupt()
    }
}

/// Returns an HTTP client that stores cookies and follows redirects.
pub fn visitor() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .build()
        .unwrap()
}

/// Returns an HTTP client with a session on a dashboard that uses Redis, and the session id read
/// from Redis.
pub async fn known_visitor(dashboard: &Dashboard, server: &Server) -> (reqwest::Client, String) {
    let visitor = visitor();
    let seed = [("text", "seed"), ("view", "uploads")];
    visitor
        .post(dashboard.at("/messages"))
        .form(&seed)
        .send()
        .await
        .unwrap();
    let keys: Vec<String> = server.run(&[b"KEYS", b"dashboard!session:*"]);
    let session = keys[0].split(['{', '}']).nth(1).unwrap().to_owned();
    (visitor, session)
}
