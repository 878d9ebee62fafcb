//! Every fault of the connection to Redis, for every operation.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use actix_web::test::TestRequest;
use futures_util::future::join_all;
use salver::{Context, Message, Salver};

use crate::support::fault_site::VISITOR_HEADER;
use crate::support::history::{History, Row};
use crate::support::in_process_site::{InProcessSite, in_process_site};
use crate::support::metrics::RecordedMetrics;
use crate::support::profile::{by_profile, salver};
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::{Server, pending};
use crate::support::{at, eventually, session};

/// Duration of a fault in milliseconds, in the default profile.
const FAULT_MILLIS: usize = 400;
/// Duration of a fault in milliseconds, in the full profile.
const FULL_FAULT_MILLIS: usize = 3_000;
const PAGE_TIMEOUT: Duration = Duration::from_millis(50);
const CALL_TIMEOUT: Duration = Duration::from_millis(250);
/// Tolerance for timers, in addition to the longest stall of the thread.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Metric of the time that a page waits for Redis.
const PAGE_WAIT: &str = "salver_page_wait_duration_seconds";
const MISMATCHED_REPLIES: &str = "salver_mismatched_replies_total";

const FAULTS: [(&str, Fault); 12] = [
    ("refuse", Fault::Refuse),
    ("pause", Fault::Pause),
    ("black_hole", Fault::BlackHole),
    ("slow", Fault::Delay(Duration::from_millis(20))),
    ("very_slow", Fault::Delay(Duration::from_secs(2))),
    ("cut_before", Fault::CutBefore),
    ("cut_after", Fault::CutAfter),
    ("drop_reply", Fault::DropReply),
    ("duplicate_reply", Fault::DuplicateReply),
    ("swap_replies", Fault::SwapReplies),
    ("one_byte_at_a_time", Fault::OneByteAtATime),
    (
        "loading",
        Fault::ErrorReply("LOADING Redis is loading the dataset in memory"),
    ),
];

/// Number of operations that run concurrently.
const OPERATIONS: usize = 6;

/// Six operations that run through a proxy, and their results.
struct FaultMatrix {
    server: Server,
    proxy: Proxy,
    metrics: RecordedMetrics,
    site: InProcessSite,
    /// Connected through the proxy.
    salver: Salver,
    /// Connected directly, unaffected by the fault.
    direct: Salver,
    history: History,
    contexts: RefCell<Vec<Context>>,
    /// Number of messages added for takes, of messages that takes returned, and of failed takes,
    /// whose messages may be lost.
    takes: [Cell<usize>; 3],
    worst_add: Cell<Duration>,
    /// The longest time by which a timer was late: for so long the machine did not run this thread.
    longest_stall: Cell<Duration>,
    statuses: RefCell<Vec<u16>>,
}

impl FaultMatrix {
    async fn start() -> Self {
        let metrics = RecordedMetrics::start();
        let server = Server::start();
        let proxy = Proxy::start(server.port);
        let salver_behind_proxy = salver(&proxy.url());
        Self {
            site: in_process_site(&salver_behind_proxy).await,
            salver: salver_behind_proxy,
            direct: salver(&server.url()),
            server,
            proxy,
            metrics,
            history: History::default(),
            contexts: RefCell::default(),
            takes: Default::default(),
            worst_add: Cell::default(),
            longest_stall: Cell::default(),
            statuses: RefCell::default(),
        }
    }

    /// Runs all operations during a fault, and afterwards until each of them succeeds. Returns the
    /// time from the end of the fault until then.
    async fn run(&self, fault: Fault) -> Duration {
        let millis = by_profile(FAULT_MILLIS, FULL_FAULT_MILLIS) as u64;
        self.wait_until_all_succeed().await;
        self.proxy.set(fault);
        let until = Instant::now() + Duration::from_millis(millis);
        let operations = (0..OPERATIONS).map(|operation| self.run_until(operation, until));
        tokio::join!(join_all(operations), self.measure_stalls_until(until));
        self.proxy.set(Fault::None);
        let fault_ended = Instant::now();
        self.wait_until_all_succeed().await;
        fault_ended.elapsed()
    }

    /// Returns how long the pages waited for Redis since the first `skip` pages, in ascending
    /// order.
    fn page_waits(&self, skip: usize) -> Vec<Duration> {
        let waits = self.metrics.values(PAGE_WAIT).split_off(skip);
        let mut waits: Vec<_> = waits.into_iter().map(Duration::from_secs_f64).collect();
        waits.sort();
        waits
    }

    /// Repeats an operation until this time, whether it succeeds or not.
    async fn run_until(&self, operation: usize, until: Instant) {
        while Instant::now() < until {
            self.run_operation(operation).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn measure_stalls_until(&self, until: Instant) {
        const INTERVAL: Duration = Duration::from_millis(1);
        while Instant::now() < until {
            let started = Instant::now();
            tokio::time::sleep(INTERVAL).await;
            let stall = started.elapsed().saturating_sub(INTERVAL);
            self.longest_stall.set(self.longest_stall.get().max(stall));
        }
    }

    async fn wait_until_all_succeed(&self) {
        join_all((0..OPERATIONS).map(|operation| self.wait_until_success(operation))).await;
    }

    /// Repeats an operation until it succeeds. Panics after 5 seconds.
    async fn wait_until_success(&self, operation: usize) {
        let started = Instant::now();
        while !self.run_operation(operation).await {
            assert!(
                started.elapsed() < Duration::from_secs(5),
                "operation {operation} did not recover within 5 seconds"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Reads over the direct connection until no message is pending.
    async fn read_pending_messages(&self) {
        self.salver.flush().await;
        let contexts = self.contexts.borrow().clone();
        eventually(
            "every message is read after its lease has expired",
            async || {
                for context in &contexts {
                    let claim = self.direct.claim(context).await.unwrap();
                    self.history
                        .record_received_messages(context, claim.messages());
                    self.direct.confirm(&claim).await.unwrap();
                }
                pending(&self.server, &contexts).is_empty().then_some(())
            },
        )
        .await;
    }

    /// Asserts that messages added for takes are missing only if a take failed.
    async fn assert_taken_or_failed(&self) {
        let [seeded, taken, failed] = self.takes.each_ref().map(Cell::get);
        let taken = taken + self.direct.count(&at("taker", "page")).await.unwrap();
        assert!(taken <= seeded, "a message was taken twice");
        assert!(
            taken == seeded || failed > 0,
            "{} messages were lost although no take failed",
            seeded - taken
        );
    }

    fn context(&self, name: &str) -> Context {
        let context = at(name, "page");
        let mut contexts = self.contexts.borrow_mut();
        if !contexts.contains(&context) {
            contexts.push(context.clone());
        }
        context
    }

    /// Adds a message over the direct connection, so that the context has a pending message.
    async fn seed(&self, context: &Context) {
        let message = self.history.message(context);
        let added = self.direct.add(context, message.clone()).await.unwrap();
        self.history.record_acknowledged(&message);
        self.history.record_displaced(added.displaced);
    }

    /// Requests a page. Returns whether it contains a message.
    async fn page(&self) -> bool {
        let context = self.context("pager");
        self.seed(&context).await;
        let request = TestRequest::get()
            .uri("/page")
            .insert_header((VISITOR_HEADER, "pager"));
        let (status, body) = self.site.call(request).await;
        self.statuses.borrow_mut().push(status);
        self.history.record_received(&context, &body);
        body.contains("canary")
    }

    /// Posts a form whose handler adds a message and redirects. Returns whether the message was
    /// added.
    async fn post(&self) -> bool {
        let context = at("poster", "page");
        let before = self.direct.count(&context).await.unwrap();
        let request = TestRequest::post()
            .uri("/page")
            .insert_header((VISITOR_HEADER, "poster"));
        let (status, _) = self.site.call(request).await;
        self.statuses.borrow_mut().push(status);
        let after = self.direct.count(&context).await.unwrap();
        if after > 50 {
            self.direct.clear(&context).await.unwrap();
        }
        after > before
    }

    /// Adds a message through the handle, as a background job does. Returns whether it succeeded.
    async fn add(&self) -> bool {
        let context = self.context("adder");
        let message = self.history.message(&context);
        let started = Instant::now();
        let added = self.salver.add(&context, message.clone()).await;
        self.worst_add
            .set(self.worst_add.get().max(started.elapsed()));
        match &added {
            Ok(added) => {
                self.history.record_acknowledged(&message);
                self.history.record_displaced(added.displaced);
            }
            Err(error) => {
                assert!(error.is_in_doubt() || error.is_unavailable(), "{error}");
                self.history.record_in_doubt(&message);
            }
        }
        added.is_ok()
    }

    /// Claims and confirms. Returns whether both succeeded.
    async fn claim(&self) -> bool {
        let context = self.context("claimer");
        self.seed(&context).await;
        let Ok(claim) = self.salver.claim(&context).await else {
            return false;
        };
        self.history
            .record_received_messages(&context, claim.messages());
        self.salver.confirm(&claim).await.is_ok()
    }

    /// Takes. Returns whether it succeeded.
    async fn take(&self) -> bool {
        let context = at("taker", "page");
        let [seeded, taken, failed] = &self.takes;
        self.direct
            .add(&context, Message::info("to take"))
            .await
            .unwrap();
        seeded.set(seeded.get() + 1);
        match self.salver.take(&context).await {
            Ok(messages) => taken.set(taken.get() + messages.len()),
            Err(_) => {
                failed.set(failed.get() + 1);
                return false;
            }
        }
        true
    }

    /// Migrates the session to a new id, as a login does. Returns whether it succeeded.
    async fn renew(&self) -> bool {
        let old = self.context("renewer");
        self.seed(&old).await;
        let new = session("renewed");
        let migrated = self.salver.migrate(old.session(), &new).await;
        // Migrates back over the direct connection, whether the migration succeeded or not.
        let _ = self.direct.migrate(&new, old.session()).await;
        migrated.is_ok()
    }

    async fn run_operation(&self, operation: usize) -> bool {
        match operation {
            0 => self.page().await,
            1 => self.post().await,
            2 => self.add().await,
            3 => self.claim().await,
            4 => self.take().await,
            _ => self.renew().await,
        }
    }
}

/// No page and no form fails, whatever the fault, and no message is lost.
#[actix_web::test]
async fn pages_and_forms_succeed_during_each_redis_fault() {
    let matrix = FaultMatrix::start().await;
    let mut recovery = Duration::ZERO;
    for (_, fault) in FAULTS {
        recovery = recovery.max(matrix.run(fault).await);
    }
    matrix.read_pending_messages().await;
    matrix.assert_taken_or_failed().await;
    let statuses = matrix.statuses.borrow();
    let server_errors = statuses.iter().filter(|status| **status >= 500).count();
    assert_eq!(server_errors, 0, "5xx responses");
    let more = format!(
        "cells={} pages={} responses_5xx={server_errors} degraded={}",
        FAULTS.len() * OPERATIONS,
        matrix.page_waits(0).len(),
        matrix.metrics.sum("salver_degraded_pages_total"),
    );
    let contexts = matrix.contexts.borrow();
    Row {
        test: "fault_matrix",
        verdict: matrix.history.verdict(&pending(&matrix.server, &contexts)),
        worst_wait: *matrix.page_waits(0).last().unwrap(),
        recovery,
        more,
    }
    .report();
}

/// Every operation succeeds within a second of the end of any fault.
#[actix_web::test]
async fn operations_succeed_within_a_second_after_each_redis_fault() {
    let matrix = FaultMatrix::start().await;
    for (name, fault) in FAULTS {
        let recovery = matrix.run(fault).await;
        println!("MATRIX fault={name} recovery_ms={}", recovery.as_millis());
        assert!(recovery < Duration::from_secs(1), "{name}: {recovery:?}");
    }
}

/// While Redis does not respond, a page waits for its timeout and an add for that of a call.
#[actix_web::test]
async fn pages_and_adds_wait_at_most_their_timeouts_for_redis() {
    let matrix = FaultMatrix::start().await;
    for fault in [
        Fault::Pause,
        Fault::BlackHole,
        Fault::Delay(Duration::from_secs(2)),
        Fault::DropReply,
        Fault::OneByteAtATime,
    ] {
        matrix.run(fault).await;
    }
    let waits = matrix.page_waits(0);
    let p999_wait = waits[((waits.len() - 1) as f64 * 0.999) as usize];
    let worst_add = matrix.worst_add.get();
    let stall = matrix.longest_stall.get();
    println!(
        "MATRIX pages={} page_wait_p999_ms={} worst_add_ms={} longest_stall_ms={}",
        waits.len(),
        p999_wait.as_millis(),
        worst_add.as_millis(),
        stall.as_millis()
    );
    let max_wait = PAGE_TIMEOUT + TOLERANCE + stall;
    assert!(p999_wait <= max_wait, "{p999_wait:?}, stall {stall:?}");
    let max_add = CALL_TIMEOUT + 4 * TOLERANCE + stall;
    assert!(worst_add <= max_add, "{worst_add:?}, stall {stall:?}");
}

#[actix_web::test]
async fn pages_wait_less_than_a_millisecond_while_breaker_is_open() {
    let matrix = FaultMatrix::start().await;
    matrix.wait_until_all_succeed().await;
    let pages_before = matrix.page_waits(0).len();
    matrix.run(Fault::Refuse).await;
    let waits = matrix.page_waits(pages_before);
    let median = waits[waits.len() / 2];
    println!("MATRIX page_wait_open_us={}", median.as_micros());
    assert!(median < Duration::from_millis(1), "{median:?}");
}

/// A reply to another request is discarded and counted. No reader receives it.
#[actix_web::test]
async fn replies_to_other_requests_are_discarded_and_counted() {
    let matrix = FaultMatrix::start().await;
    for fault in [Fault::DuplicateReply, Fault::SwapReplies] {
        let before = matrix.metrics.sum(MISMATCHED_REPLIES);
        matrix.run(fault).await;
        let mismatches = matrix.metrics.sum(MISMATCHED_REPLIES) - before;
        println!("MATRIX fault={fault:?} mismatches={mismatches}");
        assert!(mismatches > 0, "no mismatched reply during {fault:?}");
    }
    matrix.read_pending_messages().await;
    let contexts = matrix.contexts.borrow();
    Row {
        test: "mismatched_replies",
        verdict: matrix.history.verdict(&pending(&matrix.server, &contexts)),
        ..Row::default()
    }
    .report();
}
