//! The examples as a person runs them: processes of their own.

use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use super::eventually;
use super::processes::{Running, free_port, start};
use super::redis::Server;

/// Finds an example that was built beside this test.
pub fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(name);
    assert!(
        path.exists(),
        "the example {name} is not built: run `cargo build --examples`"
    );
    path
}

/// Starts an example that says nothing on a free port, and waits until it answers.
pub async fn listening(name: &str, path: &str) -> (String, Running) {
    let url = format!("127.0.0.1:{}", free_port());
    let process = start(
        Command::new(example(name)).env("SALVER_ADDR", &url),
        "cargo",
    );
    let url = format!("http://{url}{path}");
    eventually("the example answers", async || {
        reqwest::get(&url).await.ok()
    })
    .await;
    (url, process)
}

/// The dashboard, listening.
#[derive(Debug)]
pub struct Dashboard {
    pub url: String,
    pub announced: String,
    process: Running,
}

impl Dashboard {
    /// Starts it on a free port, on Redis if an address is given.
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
        let announced = process
            .lines()
            .next()
            .expect("the dashboard says nothing")
            .unwrap();
        let url = announced
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        let url = url.expect("the dashboard names no address").to_owned();
        Self {
            url,
            announced,
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

/// A visitor without a browser, who keeps cookies and follows redirects.
pub fn visitor() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .build()
        .unwrap()
}

/// A visitor of a dashboard on Redis, with the id that the visitor's session has there.
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
