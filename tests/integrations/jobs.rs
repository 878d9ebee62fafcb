//! Jobs of a queue, in a worker that is killed during a job.

use std::process::{Command, Stdio};

use salver::store::RedisStore;
use salver::{Context, Salver, SessionId};

use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::example_programs::{example, visitor};
use crate::support::processes::{ChildProcess, free_port, start};
use crate::support::redis::Server;

/// The site of the example `worker`, with its queue.
struct WorkerSite {
    redis: Server,
    url: String,
    _process: ChildProcess,
}

impl WorkerSite {
    async fn start() -> Self {
        let redis = Server::start();
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(example("worker"));
        command
            .env("REDIS_URL", redis.url())
            .env("SALVER_ADDR", &address);
        let process = start(&mut command, "cargo");
        let url = format!("http://{address}/");
        eventually("the site responds", async || reqwest::get(&url).await.ok()).await;
        Self {
            redis,
            url,
            _process: process,
        }
    }

    /// Starts a worker. Each step of its jobs takes `step_millis`.
    fn start_worker(&self, step_millis: u32) -> ChildProcess {
        let mut command = Command::new(example("worker"));
        command
            .arg("work")
            .env("REDIS_URL", self.redis.url())
            .env("STEP_MILLIS", step_millis.to_string())
            .stderr(Stdio::null());
        start(&mut command, "cargo")
    }
}

/// Duration of a step, in milliseconds, that outlasts the test: the worker is killed during it.
const SLOW_STEP: u32 = 60_000;
/// The progress message before each step of the job.
const PROGRESS: [&str; 2] = ["40 of 120 icons are ready.", "80 of 120 icons are ready."];
/// The messages that are pending after the job.
const FINAL: [&str; 2] = ["2 icons could not be read.", "118 icons are ready."];

/// A page that opens after the job shows each message once, whichever step the worker is killed in.
#[tokio::test]
async fn rerun_job_adds_no_duplicates() {
    let site = WorkerSite::start().await;
    let salver = Salver::new("icons", RedisStore::new(&site.redis.url()).unwrap()).unwrap();
    for (n, progress) in PROGRESS.iter().enumerate() {
        let visitor = visitor();
        visitor.get(&site.url).send().await.unwrap();
        let form = visitor.post(format!("{}imports", site.url));
        // The response redirects to the page, which shows the messages that are pending until then.
        form.send().await.unwrap();
        let mut killed = site.start_worker(if n == 0 { SLOW_STEP } else { 1_000 });
        let context = context_with_message(&salver, &site.redis, progress).await;
        killed.signal("KILL");
        killed.wait();
        let _second = site.start_worker(1);
        eventually("the job is done", async || {
            let messages = salver.peek(&context).await.unwrap();
            messages
                .iter()
                .any(|message| message.text() == FINAL[1])
                .then_some(())
        })
        .await;
        let messages = salver.peek(&context).await.unwrap();
        let texts: Vec<_> = messages.iter().map(salver::Message::text).collect();
        assert_eq!(texts, FINAL, "killed after {progress:?}");
        salver.close_session(context.session()).await.unwrap();
    }
}

/// Waits until a context contains a message with this text, and returns the context.
async fn context_with_message(salver: &Salver, redis: &Server, text: &str) -> Context {
    eventually(&format!("the job adds {text:?}"), async || {
        let keys: Vec<String> = redis.run(&[b"KEYS", b"icons:*"]);
        for key in keys {
            let session = key.split(['{', '}']).nth(1)?.to_owned();
            let context = salver
                .context(SessionId::new(session).unwrap(), "/")
                .unwrap();
            let messages = salver.peek(&context).await.unwrap();
            if messages.iter().any(|message| message.text() == text) {
                return Some(context);
            }
        }
        None
    })
    .await
}

/// The open page has shown and confirmed the messages of the first worker. The second worker adds
/// them again, and the page does not show them again.
#[tokio::test]
async fn rerun_job_shows_no_duplicates_on_open_page() {
    let (site, browser) = (WorkerSite::start().await, Browser::start().await);
    browser.open(&site.url).await;
    browser.click("form button").await;
    let mut killed = site.start_worker(1_000);
    let wait_for = async |text: &str| {
        eventually(&format!("the page shows {text:?}"), async || {
            let shown = browser.messages().await;
            shown.iter().any(|shown| shown.contains(text)).then_some(())
        })
        .await;
    };
    wait_for(PROGRESS[1]).await;
    killed.signal("KILL");
    killed.wait();
    let _second = site.start_worker(1);
    wait_for(FINAL[1]).await;
    let shown = browser.messages().await;
    for text in FINAL {
        let count = shown.iter().filter(|shown| shown.contains(text)).count();
        assert_eq!(count, 1, "{text:?} in {shown:?}");
    }
    println!("INTEGRATION killed_and_rerun_job shown={}", shown.len());
    browser.picture("example-worker").await;
    browser.quit().await;
}
