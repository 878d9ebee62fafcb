//! All modules under load, while workers and Redis are killed. Nothing that was accepted may be lost or arrive twice, and
//! the memory and the open files of the processes that go on must not grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use salver::events::{Event, Subscription};
use salver::{Context, Message, Notification, Recipient, Salver, SalverBuilder};
use tokio::time::timeout;

use super::scene::{Mailed, count_each};
use crate::faults::events::scene::{notified, until_accepted};
use crate::faults::inbox::add_up;
use crate::faults::webhooks::scene::{LEASE, expected, register_fast, verdict as webhooks_verdict};
use crate::support::at;
use crate::support::fault_site::{read_response, send_get};
use crate::support::history::{History, Row, Verdict};
use crate::support::inboxes::Inboxes;
use crate::support::profile::{by_profile, salver};
use crate::support::redis::pending;
use crate::support::resources::{MAX_GROWTH, Sample, sample, slope};
use crate::support::site_process::SiteProcess;
use crate::support::smtp_server::SmtpServer;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::webhook_settings;
use crate::support::worker_process::{AT_ONCE, WorkerProcess, mail_settings};

const CLIENTS: usize = 4;
const VISITORS: usize = 50;
/// Share of the maximum throughput.
const LOAD: f64 = 0.7;
/// Rounds whose notifications are in one inbox.
const ROUNDS_PER_PERSON: usize = 10;
/// Rounds whose events are of one type, and the subscribers of a type.
const ROUNDS_PER_TYPE: usize = 50;
const SUBSCRIBERS: usize = 3;
/// How often workers ask for jobs.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How long a client waits for the first event of a stream, which does not come while Redis is down.
const STREAM_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a busy machine may take for all that is sent.
const PATIENCE: Duration = Duration::from_secs(120);
/// Open files may differ by the connections of clients and workers at one moment.
const MAX_OPEN_FILES_RANGE: usize = 40;

fn settings(builder: SalverBuilder) -> SalverBuilder {
    webhook_settings(mail_settings(builder))
}

/// How long the load lasts, and how often something is killed.
struct Plan {
    warm_up: Duration,
    load: Duration,
    kill_interval: Duration,
}

struct Load {
    /// For messages.
    pages: Salver,
    /// For everything else.
    salver: Salver,
    page_port: u16,
    inbox_url: String,
    client: reqwest::Client,
    history: History,
    contexts: Vec<Context>,
    /// The rounds that each client has made.
    rounds: [AtomicUsize; CLIENTS],
}

impl Load {
    /// A message and its page, a notification with a mail, an event with a webhook, and an open page.
    async fn round(&self, client: usize, number: usize) {
        let visitor = (client * 61 + number) % VISITORS;
        let context = &self.contexts[visitor];
        let message = self.history.message(context);
        match self.pages.add(context, message.clone()).await {
            Ok(_) => self.history.record_acknowledged(&message),
            Err(_) => self.history.record_in_doubt(&message),
        }
        let stream = send_get(self.page_port, "/page", context.session().as_str()).await;
        let page = read_response(stream.unwrap()).await;
        let page = page.expect("a response was incomplete");
        self.history.record_received(context, &page);

        let person = Recipient::user(person(client, number));
        let note = Message::info(format!("Note {client}-{number}."));
        let note = Notification::new(AT_ONCE, note);
        until_accepted(async || {
            self.salver
                .notify([person.clone()], note.clone())
                .await
                .map(drop)
        })
        .await;
        // For an open page. It is not mailed.
        let watcher = Recipient::user(format!("w{visitor}"));
        let seen = Notification::new("seen", Message::info("Seen."));
        until_accepted(async || {
            self.salver
                .notify([watcher.clone()], seen.clone())
                .await
                .map(drop)
        })
        .await;

        let event_type = event_type(client, number);
        if number.is_multiple_of(ROUNDS_PER_TYPE) {
            for subscriber in subscribers(client, number) {
                let subscription = || Subscription::new(&event_type);
                let subscriber = Recipient::user(subscriber);
                until_accepted(async || {
                    self.salver
                        .subscribe(&subscriber, subscription())
                        .await
                        .map(drop)
                })
                .await;
            }
        }
        let event = Event::new(&event_type)
            .id(format!("{client}-{number}"))
            .source("/soak");
        let event = event.message(Message::info(format!("Event {client}-{number}.")));
        until_accepted(async || self.salver.publish(event.clone()).await).await;

        for path in ["/home", "/salver/inbox"] {
            let request = self.client.get(format!("{}{path}", self.inbox_url));
            let request = request.header("cookie", format!("user=w{visitor}"));
            request.send().await.unwrap().bytes().await.unwrap();
        }
        let request = self.client.get(format!("{}/salver/stream", self.inbox_url));
        let request = request
            .header("accept", "text/event-stream")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", format!("user=w{visitor}"));
        let mut stream = request.send().await.unwrap();
        let _ = timeout(STREAM_TIMEOUT, stream.chunk()).await;
    }

    async fn rounds_of(&self, client: usize, until: Instant, interval: Duration) {
        while Instant::now() < until {
            let next = tokio::time::Instant::now() + interval;
            let number = self.rounds[client].load(Ordering::Relaxed);
            self.round(client, number).await;
            self.rounds[client].store(number + 1, Ordering::Relaxed);
            tokio::time::sleep_until(next).await;
        }
    }

    fn all_rounds(&self) -> usize {
        let rounds = self.rounds.iter();
        rounds.map(|rounds| rounds.load(Ordering::Relaxed)).sum()
    }
}

fn person(client: usize, number: usize) -> String {
    format!("p{client}-{}", number / ROUNDS_PER_PERSON)
}

fn event_type(client: usize, number: usize) -> String {
    format!("wiki.edit.{client}-{}", number / ROUNDS_PER_TYPE)
}

fn subscribers(client: usize, number: usize) -> impl Iterator<Item = String> {
    let of_type = number / ROUNDS_PER_TYPE;
    (0..SUBSCRIBERS).map(move |one| format!("s{client}-{of_type}-{one}"))
}

/// Makes rounds for a time: each client one per interval.
async fn load(load: &Load, length: Duration, interval: Duration) {
    let until = Instant::now() + length;
    let clients = (0..CLIENTS).map(|client| load.rounds_of(client, until, interval));
    join_all(clients).await;
}

/// Returns what has arrived of all rounds, besides the messages of pages.
async fn arrived(load: &Load, smtp: &SmtpServer, receiver: &WebhookReceiver) -> Verdict {
    let mails = smtp.mails();
    let (mailed, mut verdict) = (Mailed::of(&mails), Verdict::default());
    let mut ids = Vec::new();
    for client in 0..CLIENTS {
        let rounds = load.rounds[client].load(Ordering::Relaxed);
        for first in (0..rounds).step_by(ROUNDS_PER_PERSON) {
            let notes = first..rounds.min(first + ROUNDS_PER_PERSON);
            let notes = notes.map(|number| format!("Note {client}-{number}."));
            let (notes, person) = (notes.collect::<Vec<_>>(), person(client, first));
            mailed.count(&person, &notes, &mut verdict);
            let inbox = notified(&load.salver, &Recipient::user(person)).await;
            count_each(&inbox, &notes, &mut verdict);
        }
        for first in (0..rounds).step_by(ROUNDS_PER_TYPE) {
            let events = first..rounds.min(first + ROUNDS_PER_TYPE);
            let events = events.map(|number| format!("Event {client}-{number}."));
            let events: Vec<_> = events.collect();
            for subscriber in subscribers(client, first) {
                let inbox = notified(&load.salver, &Recipient::user(subscriber)).await;
                count_each(&inbox, &events, &mut verdict);
            }
        }
        ids.extend((0..rounds).map(|number| format!("{client}-{number}")));
    }
    let mut of_endpoint = expected(&["/0".to_owned()], 0..0);
    of_endpoint.insert("/0".to_owned(), ids.into_iter().collect());
    add_up(
        &mut verdict,
        &webhooks_verdict(&receiver.deliveries(), &of_endpoint),
    );
    verdict
}

/// Runs all modules under load as planned. Prints a row. Panics if anything was lost or arrived twice.
async fn soak(test: &'static str, plan: Plan) {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut inboxes = Inboxes::redis_with_running_clock(settings, &options);
    let mut server = inboxes.server.take().unwrap();
    let (url, smtp) = (server.url(), SmtpServer::start());
    let receiver = WebhookReceiver::start_at(inboxes.clock_file());
    register_fast(&inboxes.salver, &receiver, "/0").await;
    let pages = SiteProcess::start(&url);
    let site = SiteProcess::start_with_inboxes(&url);
    let steady = WorkerProcess::of_all(&url, &smtp, POLL_INTERVAL);
    let fixture = Load {
        pages: salver(&url),
        salver: inboxes.salver.clone(),
        page_port: pages.port,
        inbox_url: format!("http://127.0.0.1:{}", site.port),
        client: reqwest::Client::new(),
        history: History::default(),
        contexts: (0..VISITORS)
            .map(|n| at(&format!("v{n}"), "page"))
            .collect(),
        rounds: std::array::from_fn(|_| AtomicUsize::new(0)),
    };

    // The maximum is what arrives, not just what is accepted.
    let started = Instant::now();
    load(&fixture, plan.warm_up, Duration::ZERO).await;
    wait_until_idle(&fixture.salver, &inboxes, false).await;
    let max_rate = fixture.all_rounds() as f64 / started.elapsed().as_secs_f64();
    let interval = Duration::from_secs_f64(CLIENTS as f64 / (max_rate * LOAD));

    let samplers = [pages.id(), site.id(), steady.id()].map(|process| {
        let length = plan.load;
        std::thread::spawn(move || sample(process, length))
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let killer = std::thread::spawn({
        let (is_over, url, smtp_url) = (Arc::clone(&is_over), url.clone(), smtp.url());
        let interval = plan.kill_interval;
        move || {
            let (mut kills, mut worker) =
                (0, WorkerProcess::of_all_at(&url, &smtp_url, POLL_INTERVAL));
            let mut next = Instant::now() + interval;
            while !is_over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                if Instant::now() < next {
                    continue;
                }
                match kills % 2 {
                    0 => {
                        worker.kill();
                        worker = WorkerProcess::of_all_at(&url, &smtp_url, POLL_INTERVAL);
                    }
                    _ => {
                        server.kill();
                        server.restart_patiently();
                    }
                }
                kills += 1;
                next += interval;
            }
            (server, worker, kills)
        }
    });
    load(&fixture, plan.load, interval).await;
    is_over.store(true, Ordering::Relaxed);
    let (server, worker, kills) = killer.join().unwrap();
    let samples = samplers.map(|sampler| sampler.join().unwrap());
    wait_until_idle(&fixture.salver, &inboxes, true).await;

    let mut verdict = arrived(&fixture, &smtp, &receiver).await;
    let messages = fixture
        .history
        .verdict(&pending(&server, &fixture.contexts));
    add_up(&mut verdict, &messages);
    verdict.in_doubt = messages.in_doubt;
    let (growth, files) = resources(&samples);
    let more = format!(
        "memory_kb_per_minute={:.0} descriptors={files} kills={kills} rounds={} rounds_a_second={:.1} max={max_rate:.1} \
         seconds={}",
        growth * 60.0 / 1024.0,
        fixture.all_rounds(),
        max_rate * LOAD,
        plan.load.as_secs(),
    );
    worker.stop();
    steady.stop();
    pages.kill();
    site.kill();
    Row {
        test,
        verdict,
        more,
        ..Row::default()
    }
    .report();
    assert!(kills > 1, "{kills} kills");
    // A slope of a few seconds is that of the start.
    if plan.load >= Duration::from_secs(600) {
        assert!(growth * 600.0 <= MAX_GROWTH, "{growth} bytes a second");
        assert!(files <= MAX_OPEN_FILES_RANGE, "open files vary by {files}");
    }
}

/// Returns the highest growth of a process in bytes a second, and the largest range of its open files.
fn resources(samples: &[Vec<Sample>]) -> (f64, usize) {
    let growth = samples.iter().map(|samples| slope(samples));
    let ranges = samples.iter().map(|samples| {
        let files = samples.iter().map(|sample| sample.files);
        files.clone().max().unwrap_or(0) - files.min().unwrap_or(0)
    });
    (growth.fold(f64::MIN, f64::max), ranges.max().unwrap_or(0))
}

/// Waits until no job is left. `moves`: whether the clock is moved, so that leases of killed workers end.
async fn wait_until_idle(salver: &Salver, inboxes: &Inboxes, moves: bool) {
    let (started, mut quiet) = (Instant::now(), Instant::now());
    loop {
        let counts = salver.deliveries().counts().await.ok();
        let left = counts.map(|counts| (counts.due, counts.due + counts.later));
        match left {
            Some((_, 0)) => return,
            Some((0, _)) if moves && quiet.elapsed() > Duration::from_millis(500) => {
                inboxes.advance(LEASE);
                quiet = Instant::now();
            }
            Some((0, _)) => {}
            _ => quiet = Instant::now(),
        }
        assert!(started.elapsed() < PATIENCE, "jobs are left: {counts:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_workers_and_redis_under_load_lose_nothing_of_any_module() {
    let plan = Plan {
        warm_up: Duration::from_secs(1),
        load: Duration::from_secs(by_profile(4, 60) as u64),
        kill_interval: Duration::from_millis(1_200),
    };
    soak("soak_all_modules", plan).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour"]
async fn kills_for_half_an_hour_lose_nothing() {
    let seconds = std::env::var("SALVER_SOAK_SECONDS").map_or(1_800, |text| text.parse().unwrap());
    let plan = Plan {
        warm_up: Duration::from_secs(10),
        load: Duration::from_secs(seconds),
        kill_interval: Duration::from_secs(20),
    };
    soak("soak_all_modules", plan).await;
}
