//! A broker in a process of its own: `salver serve`.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::processes::{ChildProcess, start};

const TOOL: &str = env!("CARGO_BIN_EXE_salver");
pub const TOKEN: &str = "a-token-of-the-operator";
/// That of `webhook_settings`.
const SECRET: &[u8] = &[7; 32];

pub struct BrokerProcess {
    process: ChildProcess,
    /// Host and port.
    address: String,
}

impl BrokerProcess {
    /// Starts a broker of the application `app` on a server, whose endpoints may be on this machine.
    pub fn start(redis: &str) -> Self {
        let mut command = Command::new(TOOL);
        command
            .args(["--app", "app", "--redis", redis, "--json"])
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--allow-http", "--allow-network", "127.0.0.0/8"])
            .env("SALVER_TOKEN", TOKEN)
            .env("SALVER_SECRET", std::str::from_utf8(SECRET).unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = start(&mut command, "cargo");
        let line = process.lines().next().expect("the broker does not start");
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let address = line["listen"].as_str().unwrap().to_owned();
        Self { process, address }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Ends it when its requests and attempts have ended.
    pub fn stop(mut self) {
        self.process.terminate();
    }
}
