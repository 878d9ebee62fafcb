//! The site in a separate process, which can be killed.

use std::io::{BufReader, Lines};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::support::fault_site::FaultSite;
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::processes::{ChildProcess, start};
use crate::support::profile::salver;

/// Environment variable with the Redis address for the child process.
const URL: &str = "SALVER_TEST_SITE";
/// Prefix of the line by which the child process prints its port.
const PORT: &str = "SITE PORT ";

/// A site that runs in a child process.
pub struct SiteProcess {
    pub port: u16,
    process: ChildProcess,
    /// Kept open: the test harness prints a notice about slow tests, and a closed pipe would end
    /// the process.
    _output: Lines<BufReader<ChildStdout>>,
}

impl SiteProcess {
    /// Starts a site with messages.
    pub fn start(redis: &str) -> Self {
        Self::run(concat!(module_path!(), "::serve"), redis)
    }

    /// Starts a site with inboxes.
    pub fn start_with_inboxes(redis: &str) -> Self {
        Self::run(concat!(module_path!(), "::serve_inboxes"), redis)
    }

    fn run(test: &str, redis: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let (_, name) = test.split_once("::").unwrap();
        command
            .args(["--exact", name, "--ignored", "--nocapture"])
            .env(URL, redis)
            .stdout(Stdio::piped());
        let mut process = start(&mut command, "cargo");
        let mut output = process.lines();
        let port = output.find_map(|line| {
            let line = line.unwrap();
            line.split_once(PORT)?.1.trim().parse().ok()
        });
        let port = port.expect("the site printed no port");
        Self {
            port,
            process,
            _output: output,
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    pub fn kill(mut self) {
        self.process.signal("KILL");
        self.process.wait();
    }
}

#[actix_web::test]
#[ignore = "runs in a child process that other tests start"]
async fn serve() {
    let site = FaultSite::start(
        salver(&std::env::var(URL).unwrap()),
        Duration::from_millis(15),
    );
    println!("{PORT}{}", site.port);
    std::future::pending::<()>().await;
}

/// Arguments of a test program that make it serve a site with inboxes at `SALVER_ADDR`, on the Redis
/// server at `REDIS_URL`.
pub fn arguments_of_inbox_site() -> Vec<&'static str> {
    let test = concat!(module_path!(), "::serve_inboxes");
    let (_, name) = test.split_once("::").unwrap();
    vec!["--exact", name, "--ignored", "--nocapture"]
}

#[actix_web::test]
#[ignore = "runs in a child process that other tests start"]
async fn serve_inboxes() {
    let redis = std::env::var(URL).or_else(|_| std::env::var("REDIS_URL"));
    let address = std::env::var("SALVER_ADDR").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let site = InboxSite::serve_at(&address, salver(&redis.unwrap()), Setup::default());
    let (_, port) = site.url.rsplit_once(':').unwrap();
    println!("{PORT}{port}");
    std::future::pending::<()>().await;
}
