//! A broker in a process of its own: `salver serve`.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::processes::{ChildProcess, start};

const TOOL: &str = env!("CARGO_BIN_EXE_salver");
pub const TOKEN: &str = "a-token-of-the-operator";
/// That of `webhook_settings`.
const SECRET: &[u8] = &[7; 32];

pub struct BrokerProcess {
    pub process: ChildProcess,
    /// Host and port.
    pub address: String,
    /// What it prints when it listens.
    pub first_line: Value,
}

/// Returns the secret of the site of a [`BrokerProcess`].
pub fn secret() -> &'static str {
    std::str::from_utf8(SECRET).unwrap()
}

/// Returns `salver` for the application `app`, without settings of the environment.
pub fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(TOOL);
    for variable in ["REDIS_URL", "SALVER_TOKEN", "SALVER_SECRET"] {
        command.env_remove(variable);
    }
    command.args(["--app", "app"]).args(arguments);
    command
}

impl BrokerProcess {
    /// Returns `salver serve` on a free port, without a token and a secret.
    pub fn serve(arguments: &[&str]) -> Command {
        let mut command = tool(&["--json", "serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).stdout(Stdio::piped());
        command
    }

    /// Returns `salver serve` with a token and a secret.
    pub fn command(arguments: &[&str]) -> Command {
        let mut command = Self::serve(arguments);
        command.env("SALVER_TOKEN", TOKEN);
        command.env("SALVER_SECRET", secret());
        command
    }

    /// Returns the command of a broker on a server, whose endpoints may be on this machine.
    pub fn command_on(redis: &str) -> Command {
        let mut command = Self::command(&["--allow-http", "--allow-network", "127.0.0.0/8"]);
        command.env("REDIS_URL", redis);
        command
    }

    /// Starts a broker on a server, whose endpoints may be on this machine.
    pub fn start(redis: &str) -> Self {
        Self::run(Self::command_on(redis).stderr(Stdio::null()))
    }

    /// Starts a broker, and waits until it listens.
    pub fn run(command: &mut Command) -> Self {
        let mut process = start(command, "cargo");
        let line = process.lines().next().expect("the broker does not start");
        let first_line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let address = first_line["listen"].as_str().unwrap().to_owned();
        Self {
            process,
            address,
            first_line,
        }
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
