//! Many workers in processes of their own, some of which are killed.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use salver::Salver;
use salver::jobs::TestOutcome;
use tokio::time::sleep;

use crate::support::inboxes::Inboxes;
use crate::support::processes::{ChildProcess, scratch, start};
use crate::support::redis::Server;

const JOBS: usize = 100_000;
const JOBS_PER_CALL: usize = 500;
const WORKERS: usize = 4;
const KILLS: usize = 20;
const KILL_INTERVAL: Duration = Duration::from_secs(1);
/// Of each worker. Together with the time of an attempt it makes the work last longer than the kills.
const CONCURRENCY: usize = 16;
const ATTEMPT: Duration = Duration::from_millis(15);
/// Longer than a busy machine keeps a process waiting, so that only a kill makes a job run twice.
const LEASE: Duration = Duration::from_secs(8);
/// Environment variables of a worker process: the address of Redis, and the file that it writes.
const URL: &str = "SALVER_TEST_REDIS";
const FILE: &str = "SALVER_TEST_PERFORMED";

/// A worker process, and the file with a line for each attempt.
struct WorkerProcess {
    process: ChildProcess,
    file: PathBuf,
}

impl WorkerProcess {
    fn start(server: &Server, folder: &Path, number: usize) -> Self {
        let (_, module) = module_path!().split_once("::").unwrap();
        let file = folder.join(number.to_string());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", &format!("{module}::perform_jobs")])
            .args(["--ignored", "--nocapture"])
            .env(URL, server.url())
            .env(FILE, &file)
            .stdout(Stdio::null());
        Self {
            process: start(&mut command, "cargo"),
            file,
        }
    }

    fn kill(mut self) -> Vec<usize> {
        self.process.signal("KILL");
        self.process.wait();
        // The process may have had no time to begin.
        let file = fs::read_to_string(&self.file).unwrap_or_default();
        file.lines().map(|line| line.parse().unwrap()).collect()
    }
}

#[tokio::test]
#[ignore = "runs in a child process that another test starts"]
async fn perform_jobs() {
    let file = std::env::var(FILE).unwrap();
    let file = OpenOptions::new().create(true).append(true).open(file);
    let file = Arc::new(Mutex::new(file.unwrap()));
    let salver = Salver::redis("app", &std::env::var(URL).unwrap()).unwrap();
    let worker = salver.worker().test_jobs(move |task| {
        let file = Arc::clone(&file);
        async move {
            sleep(ATTEMPT).await;
            // One write, which outlives the process.
            let line = format!("{}\n", task.as_str().unwrap());
            file.lock().unwrap().write_all(line.as_bytes()).unwrap();
            TestOutcome::Done
        }
        .boxed()
    });
    let worker = worker.concurrency(CONCURRENCY).lease(LEASE);
    let _running = worker.attempt_timeout(LEASE / 2).start().unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn killed_workers_lose_no_job_and_only_theirs_are_done_twice() {
    let (jobs, folder) = (Inboxes::redis(), scratch("performed"));
    let (salver, server) = (&jobs.salver, jobs.server.as_ref().unwrap());
    for first in (0..JOBS).step_by(JOBS_PER_CALL) {
        let names = (first..first + JOBS_PER_CALL).map(|number| number.to_string());
        salver.enqueue_test_jobs(names, 0).await.unwrap();
    }
    let started = Instant::now();
    let start = |number| WorkerProcess::start(server, &folder, number);
    let mut workers: Vec<_> = (0..WORKERS).map(start).collect();
    let mut killed = Vec::new();
    for kill in 0..KILLS {
        sleep(KILL_INTERVAL).await;
        killed.push(workers.remove(0).kill());
        workers.push(start(WORKERS + kill));
    }
    let counts = salver.deliveries().counts().await.unwrap();
    assert!(counts.due > 0, "the jobs ended before the kills");
    let deliveries = salver.deliveries();
    loop {
        let counts = deliveries.counts().await.unwrap();
        assert_eq!(counts.dead, 0);
        if counts.due + counts.later == 0 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{counts:?}");
        sleep(Duration::from_millis(50)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    let survived: Vec<_> = workers.into_iter().map(WorkerProcess::kill).collect();

    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    for job in killed.iter().chain(&survived).flatten() {
        *times.entry(*job).or_default() += 1;
    }
    // A worker that is killed leaves at most the attempts that had ended and were not recorded.
    let of_killed = killed.iter().flat_map(|jobs| {
        let recent = jobs.len().saturating_sub(CONCURRENCY);
        &jobs[recent..]
    });
    let mut explained: BTreeMap<usize, usize> = BTreeMap::new();
    for job in of_killed {
        *explained.entry(*job).or_default() += 1;
    }
    let lost = JOBS - times.len();
    let twice: usize = times.values().map(|times| times - 1).sum();
    let unexplained: usize = times
        .iter()
        .map(|(job, times)| (times - 1).saturating_sub(explained.get(job).copied().unwrap_or(0)))
        .sum();
    println!(
        "JOBS processes n={JOBS} workers={WORKERS} kills={KILLS} lost={lost} twice={twice} \
         unexplained={unexplained} seconds={seconds:.1}"
    );
    assert_eq!((lost, unexplained), (0, 0));
}
