//! The workers of a site with mails and webhooks. Some run in processes of their own, which can be killed and paused.

use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use salver::jobs::Worker;
use salver::mail::{Cadence, Mailer, Profile};
use salver::store::RedisStore;
use salver::{Error, Recipient, Salver, SalverBuilder};
use tokio::signal::unix::{SignalKind, signal};

use super::eventually;
use super::inboxes::Inboxes;
use super::processes::{ChildProcess, start};
use super::smtp_server::SmtpServer;
use super::webhooks::webhook_settings;

/// The kind of notifications that are mailed at once.
pub const AT_ONCE: &str = "at-once";
/// The kind of notifications that are mailed in a daily digest.
pub const DAILY: &str = "daily";
/// How long a busy machine may take for one call.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the lease of a worker.
const LEASE: Duration = Duration::from_secs(151);
/// Environment variables of the child process.
const REDIS: &str = "SALVER_TEST_WORKER_REDIS";
const SMTP: &str = "SALVER_TEST_WORKER_SMTP";
const POLL_MILLIS: &str = "SALVER_TEST_WORKER_POLL_MILLIS";
/// The line by which the child process reports that its worker runs.
const RUNS: &str = "WORKER RUNS";

/// Sets when the kinds are mailed.
pub fn mail_settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .default_cadence(AT_ONCE, Cadence::AtOnce)
        .default_cadence(DAILY, Cadence::Daily { hour: 8 })
}

/// Creates a handle of a site with mails. Its calls wait as long as those of any site.
pub fn mail_site(redis: &str) -> Salver {
    builder(redis).build().unwrap()
}

fn builder(redis: &str) -> SalverBuilder {
    let builder = Salver::builder("app")
        .site("https://app.example")
        .secret([7; 32]);
    let store = RedisStore::new(redis).unwrap();
    mail_settings(builder).store(store)
}

/// Creates a worker that mails users at addresses made of their ids.
pub fn mail_worker(salver: &Salver, smtp: &str) -> Worker {
    let mailer = Mailer::smtp(smtp).unwrap();
    let mailer = mailer.from("App <notify@example.org>");
    let profiles = |who: Vec<Recipient>| async {
        // The address of no user is asked for.
        let profile = |who: Recipient| {
            let address = format!("{}@example.org", who.user_id()?);
            Some(Profile::new(who).email(address))
        };
        Ok::<_, Error>(who.into_iter().filter_map(profile).collect())
    };
    salver.worker().mail(mailer).profiles(profiles)
}

/// A worker that runs in a child process.
pub struct WorkerProcess {
    process: ChildProcess,
    logs: Arc<Mutex<String>>,
}

impl WorkerProcess {
    pub fn start(redis: &str, smtp: &SmtpServer) -> Self {
        Self::start_polling(redis, smtp, Duration::from_millis(200))
    }

    /// Starts a worker that asks for jobs at this interval.
    pub fn start_polling(redis: &str, smtp: &SmtpServer, interval: Duration) -> Self {
        let (smtp, interval) = (smtp.url(), interval.as_millis().to_string());
        Self::run(
            "work",
            &[(REDIS, redis), (SMTP, &smtp), (POLL_MILLIS, &interval)],
        )
    }

    /// Starts a worker that delivers webhooks, and asks for jobs at this interval.
    pub fn delivering(redis: &str, interval: Duration) -> Self {
        let interval = interval.as_millis().to_string();
        Self::run("deliver", &[(REDIS, redis), (POLL_MILLIS, &interval)])
    }

    /// Starts a worker that fans out events, sends mails and delivers webhooks, and asks for jobs at this interval.
    pub fn of_all(redis: &str, smtp: &SmtpServer, interval: Duration) -> Self {
        Self::of_all_at(redis, &smtp.url(), interval)
    }

    /// Starts such a worker, which sends to the SMTP server of a URL.
    pub fn of_all_at(redis: &str, smtp: &str, interval: Duration) -> Self {
        let interval = interval.as_millis().to_string();
        Self::run(
            "do_all",
            &[(REDIS, redis), (SMTP, smtp), (POLL_MILLIS, &interval)],
        )
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Runs an ignored test of this file, which reports that its worker runs.
    fn run(test: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = format!("{}::{test}", module_path!());
        let (_, name) = test.split_once("::").unwrap();
        command
            .args(["--exact", name, "--ignored", "--nocapture"])
            .envs(environment.iter().copied())
            .stdout(Stdio::piped());
        let mut process = start(&mut command, "cargo");
        let mut output = process.lines().map_while(Result::ok);
        let runs = output.any(|line| line.ends_with(RUNS));
        assert!(runs, "the worker does not start");
        let logs = Arc::<Mutex<String>>::default();
        let collected = Arc::clone(&logs);
        thread::spawn(move || {
            for line in output {
                collected.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Self { process, logs }
    }

    /// Sends a signal: `STOP` suspends the process, as when a machine hangs; `CONT` resumes it.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Stops the worker when the attempts that have begun have ended.
    pub fn stop(mut self) {
        self.process.terminate();
    }

    /// Returns the warnings and errors so far.
    pub fn logs(&self) -> String {
        self.logs.lock().unwrap().clone()
    }
}

#[tokio::test]
#[ignore = "runs in a child process that other tests start"]
async fn work() {
    // A mail that fails since the machine is busy would wait until the test moves the clock.
    let salver = builder(&variable(REDIS)).call_timeout(PATIENCE).build();
    let worker = mail_worker(&salver.unwrap(), &variable(SMTP)).events();
    run_until_terminated(worker).await;
}

#[tokio::test]
#[ignore = "runs in a child process that other tests start"]
async fn deliver() {
    let salver = webhook_settings(builder(&variable(REDIS))).call_timeout(PATIENCE);
    let salver = salver.build().unwrap();
    run_until_terminated(salver.worker().webhooks()).await;
}

#[tokio::test]
#[ignore = "runs in a child process that other tests start"]
async fn do_all() {
    let salver = webhook_settings(builder(&variable(REDIS))).call_timeout(PATIENCE);
    let worker = mail_worker(&salver.build().unwrap(), &variable(SMTP));
    run_until_terminated(worker.events().webhooks()).await;
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

async fn run_until_terminated(worker: Worker) {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .init();
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let interval = Duration::from_millis(variable(POLL_MILLIS).parse().unwrap());
    let running = worker.poll_interval(interval).start().unwrap();
    println!("{RUNS}");
    terminated.recv().await;
    running.stop().await;
}

/// Starts processes whose worker ends them, each after the lease of the one before, until one has nothing to do. Returns how
/// many have ended.
pub async fn aborts_until_done(inboxes: &Inboxes, start: impl Fn() -> ChildProcess) -> usize {
    let (deliveries, mut aborts) = (inboxes.salver.deliveries(), 0);
    loop {
        let process = RefCell::new(start());
        let has_aborted = async || {
            let counts = deliveries.counts().await.unwrap();
            let is_done = counts.due + counts.later == 0;
            match process.borrow_mut().has_exited() {
                true => Some(true),
                false => is_done.then_some(false),
            }
        };
        if !eventually("the process ends, or all jobs have", has_aborted).await {
            return aborts;
        }
        aborts += 1;
        assert!(aborts <= 10, "the jobs do not die");
        inboxes.advance(LEASE);
    }
}
