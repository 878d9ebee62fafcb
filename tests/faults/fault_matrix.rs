//! Every fault of the connection to Redis, for every operation.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::ContentType;
use actix_web::test::{TestRequest, init_service, try_read_body};
use actix_web::{App, HttpResponse, web};
use futures_util::future::join_all;
use salver::{Context, Message, Messages, Salver};

use crate::support::fault_site::{VISITOR_HEADER, visitor};
use crate::support::history::{History, Row};
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
/// Tolerance for timers and a busy machine.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Text of a message whose owner is no visitor, so that a [`History`] reports it as misdelivered to
/// any reader.
pub const UNOWNED_TEXT: &str = "canary/unowned/page/00000000-0000-7000-8000-000000000000";

/// Metric of the time that a page waits for Redis.
const PAGE_WAIT: &str = "salver_page_wait_duration_seconds";

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

pub type InProcessSite = Rc<dyn AsyncCall>;

/// A site inside the process, independent of the type of its service.
pub trait AsyncCall {
    fn call(&self, request: TestRequest)
    -> futures_util::future::LocalBoxFuture<'_, (u16, String)>;
}

struct ServiceSite<S>(S);

impl<S, B> AsyncCall for ServiceSite<S>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: actix_web::body::MessageBody,
{
    fn call(
        &self,
        request: TestRequest,
    ) -> futures_util::future::LocalBoxFuture<'_, (u16, String)> {
        Box::pin(async move {
            let response = self.0.call(request.to_request()).await.unwrap();
            let status = response.status().as_u16();
            let body = try_read_body(response).await.unwrap_or_default();
            (status, String::from_utf8(body.to_vec()).unwrap())
        })
    }
}

/// Creates a site inside the process: `GET /page` has a slot, `POST /page` adds [`UNOWNED_TEXT`]
/// and redirects.
pub async fn in_process_site(salver: &Salver) -> InProcessSite {
    let page = || async {
        let page = "<main><salver-messages></salver-messages></main>";
        HttpResponse::Ok()
            .content_type(ContentType::html())
            .body(page)
    };
    let save = |messages: Messages| async move {
        messages.success(UNOWNED_TEXT).await;
        HttpResponse::SeeOther().finish()
    };
    let app = App::new()
        .wrap(salver.middleware().session(visitor))
        .route("/page", web::get().to(page))
        .route("/page", web::post().to(save));
    Rc::new(ServiceSite(init_service(app).await))
}

/// The state of the six operations, and their results.
struct FaultMatrixFixture {
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
    statuses: RefCell<Vec<u16>>,
}

impl FaultMatrixFixture {
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

/// 12 faults x 6 operations: no page and no form fails, no message is lost, and every operation
/// succeeds within a second of the end of the fault.
#[actix_web::test]
async fn pages_and_forms_succeed_during_redis_faults_and_operations_recover() {
    let metrics = RecordedMetrics::start();
    let server = Server::start();
    let proxy = Proxy::start(server.port);
    let (salver, direct) = (salver(&proxy.url()), salver(&server.url()));
    let fixture = FaultMatrixFixture {
        site: in_process_site(&salver).await,
        salver: salver.clone(),
        direct: direct.clone(),
        history: History::default(),
        contexts: RefCell::default(),
        takes: Default::default(),
        worst_add: Cell::default(),
        statuses: RefCell::default(),
    };
    let duration = Duration::from_millis(by_profile(FAULT_MILLIS, FULL_FAULT_MILLIS) as u64);
    let (mut recovery, mut wait_while_open) = (Duration::ZERO, Duration::MAX);
    for (name, fault) in FAULTS {
        let operations = (0..6).map(|operation| wait_until_success(&fixture, operation));
        join_all(operations).await;
        proxy.set(fault);
        let before = metrics.values(PAGE_WAIT).len();
        let started = Instant::now();
        join_all((0..6).map(|operation| run_until(&fixture, operation, started + duration))).await;
        if fault == Fault::Refuse {
            let mut waits = metrics.values(PAGE_WAIT).split_off(before);
            waits.sort_by(f64::total_cmp);
            wait_while_open = Duration::from_secs_f64(waits[waits.len() / 2]);
        }
        proxy.set(Fault::None);
        let fault_ended = Instant::now();
        join_all((0..6).map(|operation| wait_until_success(&fixture, operation))).await;
        let time = fault_ended.elapsed();
        println!("MATRIX fault={name} recovery_ms={}", time.as_millis());
        assert!(time < Duration::from_secs(1), "{name}: {time:?}");
        recovery = recovery.max(time);
    }

    salver.flush().await;
    let contexts = fixture.contexts.borrow().clone();
    eventually(
        "every message is read after its lease has expired",
        async || {
            for context in &contexts {
                let claim = direct.claim(context).await.unwrap();
                fixture
                    .history
                    .record_received_messages(context, claim.messages());
                direct.confirm(&claim).await.unwrap();
            }
            pending(&server, &contexts).is_empty().then_some(())
        },
    )
    .await;
    let [seeded, taken, failed] = fixture.takes.map(|count| count.get());
    assert_taken_or_failed(
        seeded,
        taken + direct.count(&at("taker", "page")).await.unwrap(),
        failed,
    );
    let statuses = fixture.statuses.borrow();
    let server_errors = statuses.iter().filter(|status| **status >= 500).count();
    assert_eq!(server_errors, 0, "5xx responses");
    assert!(
        metrics.sum("salver_mismatched_replies_total") > 0,
        "no mismatched reply was detected"
    );

    let mut waits = metrics.values(PAGE_WAIT);
    waits.sort_by(f64::total_cmp);
    let percentile =
        |share: f64| Duration::from_secs_f64(waits[((waits.len() - 1) as f64 * share) as usize]);
    let (p999_wait, worst_wait) = (percentile(0.999), percentile(1.0));
    let more = format!(
        "cells=72 pages={} responses_5xx={server_errors} page_wait_p999_ms={:.1} worst_add_ms={} \
         mismatches={} degraded={} page_wait_open_us={}",
        waits.len(),
        p999_wait.as_secs_f64() * 1000.0,
        fixture.worst_add.get().as_millis(),
        metrics.sum("salver_mismatched_replies_total"),
        metrics.sum("salver_degraded_pages_total"),
        wait_while_open.as_micros(),
    );
    let verdict = fixture.history.verdict(&pending(&server, &contexts));
    Row {
        test: "fault_matrix",
        verdict,
        worst_wait,
        recovery,
        more,
    }
    .report();
    assert!(
        wait_while_open < Duration::from_millis(1),
        "{wait_while_open:?}"
    );
    assert!(p999_wait <= PAGE_TIMEOUT + TOLERANCE, "{p999_wait:?}");
    assert!(
        fixture.worst_add.get() <= CALL_TIMEOUT + 4 * TOLERANCE,
        "{:?}",
        fixture.worst_add
    );
}

/// Repeats an operation until this time, whether it succeeds or not.
async fn run_until(fixture: &FaultMatrixFixture, operation: usize, until: Instant) {
    while Instant::now() < until {
        fixture.run_operation(operation).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Repeats an operation until it succeeds. Panics after 5 seconds.
async fn wait_until_success(fixture: &FaultMatrixFixture, operation: usize) {
    let started = Instant::now();
    while !fixture.run_operation(operation).await {
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "operation {operation} did not recover within 5 seconds"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asserts that messages added for takes are missing only if a take failed.
fn assert_taken_or_failed(seeded: usize, taken: usize, failed: usize) {
    assert!(taken <= seeded, "a message was taken twice");
    assert!(
        taken == seeded || failed > 0,
        "{} messages were lost although no take failed",
        seeded - taken
    );
}
