//! Jobs of a queue, in a worker that is killed in the middle.

use std::process::{Command, Stdio};

use salver::store::RedisStore;
use salver::{Context, Salver, SessionId};

use crate::support::app::{example, visitor};
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::processes::{Running, free_port, start};
use crate::support::redis::Server;

/// The site of the example, with its queue.
struct Site {
    redis: Server,
    url: String,
    _process: Running,
}

impl Site {
    async fn start() -> Self {
        let redis = Server::start();
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(example("worker"));
        command
            .env("REDIS_URL", redis.url())
            .env("SALVER_ADDR", &address);
        let process = start(&mut command, "cargo");
        let url = format!("http://{address}/");
        eventually("the site answers", async || reqwest::get(&url).await.ok()).await;
        Self {
            redis,
            url,
            _process: process,
        }
    }

    /// Starts a worker whose steps take so long.
    fn worker(&self, step_millis: u32) -> Running {
        let mut command = Command::new(example("worker"));
        command
            .arg("work")
            .env("REDIS_URL", self.redis.url())
            .env("STEP_MILLIS", step_millis.to_string())
            .stderr(Stdio::null());
        start(&mut command, "cargo")
    }
}

/// Long enough for a step to be seen, and for the worker to be killed in it.
const SLOW: u32 = 60_000;
/// What the job says before each of its rests, and what is there when it has ended.
const SAYS: [&str; 2] = ["40 of 120 icons are ready.", "80 of 120 icons are ready."];
const ENDS: [&str; 2] = ["2 icons could not be read.", "118 icons are ready."];

/// Whoever looks afterwards finds each message once, wherever the worker was killed.
#[tokio::test]
async fn a_job_that_is_run_again_leaves_nothing_twice() {
    let site = Site::start().await;
    let salver = Salver::new("icons", RedisStore::new(&site.redis.url()).unwrap()).unwrap();
    for (n, says) in SAYS.iter().enumerate() {
        let visitor = visitor();
        visitor.get(&site.url).send().await.unwrap();
        let given = visitor.post(format!("{}imports", site.url));
        // The page that it leads to shows what is there until then.
        given.send().await.unwrap();
        let mut killed = site.worker(if n == 0 { SLOW } else { 1_000 });
        let address = address(&salver, &site.redis, says).await;
        killed.signal("KILL");
        killed.wait();
        let _other = site.worker(1);
        eventually("the job is done", async || {
            let found = salver.peek(&address).await.unwrap();
            found
                .iter()
                .any(|message| message.text() == ENDS[1])
                .then_some(())
        })
        .await;
        let found = salver.peek(&address).await.unwrap();
        let texts: Vec<_> = found.iter().map(salver::Message::text).collect();
        assert_eq!(texts, ENDS, "killed where it says {says:?}");
        salver.close_session(address.session()).await.unwrap();
    }
}

/// Waits until a job has said something; gives where.
async fn address(salver: &Salver, redis: &Server, says: &str) -> Context {
    eventually(&format!("the job says {says:?}"), async || {
        let keys: Vec<String> = redis.run(&[b"KEYS", b"icons:*"]);
        for key in keys {
            let session = key.split(['{', '}']).nth(1)?.to_owned();
            let address = salver
                .context(SessionId::new(session).unwrap(), "/")
                .unwrap();
            let found = salver.peek(&address).await.unwrap();
            if found.iter().any(|message| message.text() == says) {
                return Some(address);
            }
        }
        None
    })
    .await
}

/// A page that is open has shown and confirmed what the first worker said: the second says it again, to nobody.
#[tokio::test]
async fn a_job_that_is_run_again_shows_nothing_twice_on_an_open_page() {
    let (site, browser) = (Site::start().await, Browser::start().await);
    browser.open(&site.url).await;
    browser.click("form button").await;
    let mut killed = site.worker(1_000);
    let says = async |text: &str| {
        eventually(&format!("the page says {text:?}"), async || {
            let shown = browser.messages().await;
            shown.iter().any(|shown| shown.contains(text)).then_some(())
        })
        .await;
    };
    says(SAYS[1]).await;
    killed.signal("KILL");
    killed.wait();
    let _other = site.worker(1);
    says(ENDS[1]).await;
    let shown = browser.messages().await;
    for text in ENDS {
        let times = shown.iter().filter(|shown| shown.contains(text)).count();
        assert_eq!(times, 1, "{text:?} in {shown:?}");
    }
    println!("HANDS job_killed_and_run_again shown={}", shown.len());
    browser.picture("example-worker").await;
    browser.quit().await;
}
