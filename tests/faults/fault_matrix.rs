//! Every fault of the way to Redis, for everything that is done over it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::ContentType;
use actix_web::test::{TestRequest, init_service, try_read_body};
use actix_web::{App, HttpResponse, web};
use futures_util::future::join_all;
use salver::{Context, Message, Messages, Salver};

use super::site::{WHO, visitor};
use super::{column, pending, salver};
use crate::support::history::{History, Row};
use crate::support::metrics::Counted;
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::Server;
use crate::support::{at, eventually, session};

/// How long a fault lasts; the long column makes it last longer.
const SHORT: usize = 400;
const LONG: usize = 3_000;
const PAGE_BUDGET: Duration = Duration::from_millis(50);
const ADD_BUDGET: Duration = Duration::from_millis(250);
/// What a timer and a busy machine add to a budget.
const SLACK: Duration = Duration::from_millis(5);

/// The text of a message that no reader may take for its own.
pub const NOBODYS: &str = "canary/nobody/page/00000000-0000-7000-8000-000000000000";

const WAITS: &str = "salver_page_wait_duration_seconds";

const FAULTS: [(&str, Fault); 12] = [
    ("refuse", Fault::Refuse),
    ("hold", Fault::Hold),
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
        Fault::Answer("LOADING Redis is loading the dataset in memory"),
    ),
];

pub type Site = Rc<dyn AsyncCall>;

/// The site, whatever its type.
pub trait AsyncCall {
    fn call(&self, request: TestRequest)
    -> futures_util::future::LocalBoxFuture<'_, (u16, String)>;
}

struct Called<S>(S);

impl<S, B> AsyncCall for Called<S>
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

/// A site inside of this process: `GET /page` has a slot, `POST /page` adds [`NOBODYS`] and redirects.
pub async fn site(salver: &Salver) -> Site {
    let page = || async {
        let page = "<main><salver-messages></salver-messages></main>";
        HttpResponse::Ok()
            .content_type(ContentType::html())
            .body(page)
    };
    let save = |messages: Messages| async move {
        messages.success(NOBODYS).await;
        HttpResponse::SeeOther().finish()
    };
    let app = App::new()
        .wrap(salver.middleware().session(visitor))
        .route("/page", web::get().to(page))
        .route("/page", web::post().to(save));
    Rc::new(Called(init_service(app).await))
}

/// What the six operations work on, and what came of them.
struct Scene {
    site: Site,
    /// Through the proxy.
    salver: Salver,
    /// Past the proxy.
    sound: Salver,
    history: History,
    contexts: RefCell<Vec<Context>>,
    /// Messages added for takes, given by takes, and takes that failed: what those took may be gone.
    takes: [Cell<usize>; 3],
    worst_add: Cell<Duration>,
    statuses: RefCell<Vec<u16>>,
}

impl Scene {
    fn context(&self, name: &str) -> Context {
        let context = at(name, "page");
        let mut contexts = self.contexts.borrow_mut();
        if !contexts.contains(&context) {
            contexts.push(context.clone());
        }
        context
    }

    /// Adds past the fault, so that there is something to show.
    async fn seed(&self, context: &Context) {
        let message = self.history.message(context);
        let added = self.sound.add(context, message.clone()).await.unwrap();
        self.history.acknowledged(&message);
        self.history.displaced(added.displaced);
    }

    /// A page: tells whether it showed something.
    async fn page(&self) -> bool {
        let context = self.context("pager");
        self.seed(&context).await;
        let request = TestRequest::get()
            .uri("/page")
            .insert_header((WHO, "pager"));
        let (status, body) = self.site.call(request).await;
        self.statuses.borrow_mut().push(status);
        self.history.received(&context, &body);
        body.contains("canary")
    }

    /// A form that adds and redirects: tells whether its message is there.
    async fn post(&self) -> bool {
        let context = at("poster", "page");
        let before = self.sound.count(&context).await.unwrap();
        let request = TestRequest::post()
            .uri("/page")
            .insert_header((WHO, "poster"));
        let (status, _) = self.site.call(request).await;
        self.statuses.borrow_mut().push(status);
        let after = self.sound.count(&context).await.unwrap();
        if after > 50 {
            self.sound.clear(&context).await.unwrap();
        }
        after > before
    }

    /// A job's add, with errors.
    async fn add(&self) -> bool {
        let context = self.context("adder");
        let message = self.history.message(&context);
        let started = Instant::now();
        let added = self.salver.add(&context, message.clone()).await;
        self.worst_add
            .set(self.worst_add.get().max(started.elapsed()));
        match &added {
            Ok(added) => {
                self.history.acknowledged(&message);
                self.history.displaced(added.displaced);
            }
            Err(error) => {
                assert!(error.is_in_doubt() || error.is_unavailable(), "{error}");
                self.history.in_doubt(&message);
            }
        }
        added.is_ok()
    }

    async fn claim(&self) -> bool {
        let context = self.context("claimer");
        self.seed(&context).await;
        let Ok(claim) = self.salver.claim(&context).await else {
            return false;
        };
        self.history.given(&context, claim.messages());
        self.salver.confirm(&claim).await.is_ok()
    }

    async fn take(&self) -> bool {
        let context = at("taker", "page");
        let [seeded, given, failed] = &self.takes;
        self.sound
            .add(&context, Message::info("to take"))
            .await
            .unwrap();
        seeded.set(seeded.get() + 1);
        match self.salver.take(&context).await {
            Ok(messages) => given.set(given.get() + messages.len()),
            Err(_) => {
                failed.set(failed.get() + 1);
                return false;
            }
        }
        true
    }

    /// A login: carries what is pending to a new id.
    async fn renew(&self) -> bool {
        let old = self.context("renewer");
        self.seed(&old).await;
        let new = session("renewed");
        let moved = self.salver.migrate(old.session(), &new).await;
        // Back again past the fault, whatever became of it.
        let _ = self.sound.migrate(&new, old.session()).await;
        moved.is_ok()
    }

    async fn once(&self, operation: usize) -> bool {
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

/// 12 faults x 6 operations: no page and no form breaks, nothing is lost, and everything works within a second
/// of the end of the fault.
#[actix_web::test]
async fn resiliency_matrix() {
    let counted = Counted::start();
    let server = Server::start();
    let proxy = Proxy::before(server.port);
    let (salver, sound) = (salver(&proxy.url()), salver(&server.url()));
    let scene = Scene {
        site: site(&salver).await,
        salver: salver.clone(),
        sound: sound.clone(),
        history: History::default(),
        contexts: RefCell::default(),
        takes: Default::default(),
        worst_add: Cell::default(),
        statuses: RefCell::default(),
    };
    let lasts = Duration::from_millis(column(SHORT, LONG) as u64);
    let (mut recovery, mut while_open) = (Duration::ZERO, Duration::MAX);
    for (name, fault) in FAULTS {
        let well = (0..6).map(|operation| works(&scene, operation));
        join_all(well).await;
        proxy.set(fault);
        let before = counted.values(WAITS).len();
        let started = Instant::now();
        join_all((0..6).map(|operation| keep_at_it(&scene, operation, started + lasts))).await;
        if fault == Fault::Refuse {
            let mut waits = counted.values(WAITS).split_off(before);
            waits.sort_by(f64::total_cmp);
            while_open = Duration::from_secs_f64(waits[waits.len() / 2]);
        }
        proxy.set(Fault::None);
        let healed = Instant::now();
        join_all((0..6).map(|operation| works(&scene, operation))).await;
        let took = healed.elapsed();
        println!("MATRIX fault={name} recovery_ms={}", took.as_millis());
        assert!(took < Duration::from_secs(1), "{name}: {took:?}");
        recovery = recovery.max(took);
    }

    salver.flush().await;
    let contexts = scene.contexts.borrow().clone();
    eventually("every lease has ended", async || {
        for context in &contexts {
            let claim = sound.claim(context).await.unwrap();
            scene.history.given(context, claim.messages());
            sound.confirm(&claim).await.unwrap();
        }
        pending(&server, &contexts).is_empty().then_some(())
    })
    .await;
    let [seeded, given, failed] = scene.takes.map(|count| count.get());
    given_or_failed(
        seeded,
        given + sound.count(&at("taker", "page")).await.unwrap(),
        failed,
    );
    let statuses = scene.statuses.borrow();
    let broken = statuses.iter().filter(|status| **status >= 500).count();
    assert_eq!(broken, 0, "5xx");
    assert!(
        counted.sum("salver_mismatched_replies_total") > 0,
        "no swapped reply was noticed"
    );

    let mut waits = counted.values(WAITS);
    waits.sort_by(f64::total_cmp);
    let at =
        |share: f64| Duration::from_secs_f64(waits[((waits.len() - 1) as f64 * share) as usize]);
    let (tail, worst_wait) = (at(0.999), at(1.0));
    let more = format!(
        "cells=72 pages={} responses_5xx={broken} page_wait_p999_ms={:.1} worst_add_ms={} \
         mismatches={} degraded={} page_wait_open_us={}",
        waits.len(),
        tail.as_secs_f64() * 1000.0,
        scene.worst_add.get().as_millis(),
        counted.sum("salver_mismatched_replies_total"),
        counted.sum("salver_degraded_pages_total"),
        while_open.as_micros(),
    );
    let verdict = scene.history.verdict(&pending(&server, &contexts));
    Row {
        test: "resiliency_matrix",
        verdict,
        worst_wait,
        recovery,
        more,
    }
    .judge();
    assert!(while_open < Duration::from_millis(1), "{while_open:?}");
    assert!(tail <= PAGE_BUDGET + SLACK, "{tail:?}");
    assert!(
        scene.worst_add.get() <= ADD_BUDGET + 4 * SLACK,
        "{:?}",
        scene.worst_add
    );
}

/// Does an operation again and again, whether it works or not.
async fn keep_at_it(scene: &Scene, operation: usize, until: Instant) {
    while Instant::now() < until {
        scene.once(operation).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Tries an operation until it works.
async fn works(scene: &Scene, operation: usize) {
    let started = Instant::now();
    while !scene.once(operation).await {
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "operation {operation} does not recover"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Of what was added for takes, only what a failed take took may be missing.
fn given_or_failed(seeded: usize, found: usize, failed: usize) {
    assert!(found <= seeded, "something was taken twice");
    assert!(
        found == seeded || failed > 0,
        "{} taken and lost without an error",
        seeded - found
    );
}
