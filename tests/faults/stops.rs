//! A process that stops after any call of any operation loses no message and shows none twice.
//!
//! Each operation runs once to count its calls to the store, and then once for each of them: the
//! process stops after that call. Another process checks what is left, and repeats the operation
//! where that is documented as safe.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::get;
use actix_web::{App, HttpResponse};
use salver::store::{Claim, Clock, MemoryStore, RedisStore, Store};
use salver::{Context, Message, MessageId, Salver, SessionId};

use crate::support::redis::Server;
use crate::support::spy::{Report, SpyStore};
use crate::support::{eventually, session};

const LEASE: Duration = Duration::from_secs(1);

/// The operations of a handle and of a page.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Add,
    AddAll,
    AddToMovedSession,
    Peek,
    Count,
    Contexts,
    Claim,
    Confirm,
    ConfirmAfterMigration,
    Release,
    Take,
    Retract,
    Clear,
    ClearSession,
    CloseSession,
    Migrate,
    Sweep,
    Stats,
    Page,
}

const OPERATIONS: [Operation; 19] = [
    Operation::Add,
    Operation::AddAll,
    Operation::AddToMovedSession,
    Operation::Peek,
    Operation::Count,
    Operation::Contexts,
    Operation::Claim,
    Operation::Confirm,
    Operation::ConfirmAfterMigration,
    Operation::Release,
    Operation::Take,
    Operation::Retract,
    Operation::Clear,
    Operation::ClearSession,
    Operation::CloseSession,
    Operation::Migrate,
    Operation::Sweep,
    Operation::Stats,
    Operation::Page,
];

/// The processes of a site, which share a store.
struct Processes {
    start: Box<dyn Fn() -> Salver>,
    /// The clock of the store, if it can be moved.
    clock: Option<Clock>,
}

impl Processes {
    fn new<S: Store>(store: impl Fn() -> S + 'static, clock: Option<Clock>) -> Self {
        let start = move || Salver::builder("app").store(store()).lease(LEASE).build();
        Self {
            start: Box::new(move || start().unwrap()),
            clock,
        }
    }

    fn start(&self) -> Salver {
        (self.start)()
    }

    fn end_leases(&self) {
        if let Some(clock) = &self.clock {
            clock.advance(LEASE * 2);
        }
    }
}

/// What one run of an operation works on.
struct Scene {
    session: SessionId,
    /// The id of the session after a login.
    new_session: SessionId,
    page: Context,
    new_page: Context,
    stored: Message,
    added: Vec<Message>,
    claim: Claim,
}

impl Scene {
    /// Stores one message on the page, and what else the operation needs.
    async fn prepare(operation: Operation, name: &str, salver: &Salver) -> Self {
        let (session, new_session) = (session(name), session(&format!("{name}-new")));
        let page = salver.context(session.clone(), "orders").unwrap();
        let new_page = salver.context(new_session.clone(), "orders").unwrap();
        let stored = Message::info("stored").tag("stored");
        salver.add(&page, stored.clone()).await.unwrap();
        let claims = matches!(
            operation,
            Operation::Confirm | Operation::ConfirmAfterMigration | Operation::Release
        );
        let claim = match claims {
            true => salver.claim(&page).await.unwrap(),
            false => Claim::default(),
        };
        if matches!(
            operation,
            Operation::AddToMovedSession | Operation::ConfirmAfterMigration
        ) {
            salver.migrate(&session, &new_session).await.unwrap();
        }
        Self {
            session,
            new_session,
            page,
            new_page,
            stored,
            added: vec![Message::info("first"), Message::info("second")],
            claim,
        }
    }

    async fn run(&self, operation: Operation, salver: &Salver) {
        let [first, _] = &self.added[..] else {
            unreachable!()
        };
        match operation {
            Operation::Add | Operation::AddToMovedSession => {
                salver.add(&self.page, first.clone()).await.unwrap();
            }
            Operation::AddAll => {
                let added = salver.add_all(&self.page, self.added.clone()).await;
                assert_eq!(added.unwrap().messages, 2);
            }
            Operation::Peek => drop(salver.peek(&self.page).await.unwrap()),
            Operation::Count => drop(salver.count(&self.page).await.unwrap()),
            Operation::Contexts => drop(salver.contexts(&self.session).await.unwrap()),
            Operation::Claim => drop(salver.claim(&self.page).await.unwrap()),
            Operation::Confirm | Operation::ConfirmAfterMigration => {
                salver.confirm(&self.claim).await.unwrap();
            }
            Operation::Release => salver.release(self.claim.clone()).await.unwrap(),
            Operation::Take => drop(salver.take(&self.page).await.unwrap()),
            Operation::Retract => drop(salver.retract(&self.page, "stored").await.unwrap()),
            Operation::Clear => salver.clear(&self.page).await.unwrap(),
            Operation::ClearSession => salver.clear_session(&self.session).await.unwrap(),
            Operation::CloseSession => salver.close_session(&self.session).await.unwrap(),
            Operation::Migrate => salver
                .migrate(&self.session, &self.new_session)
                .await
                .unwrap(),
            Operation::Sweep => drop(salver.sweep(LEASE * 3600, |_| ()).await.unwrap()),
            Operation::Stats => drop(salver.stats(|_| ()).await.unwrap()),
            Operation::Page => self.show_page(salver).await,
        }
    }

    async fn show_page(&self, salver: &Salver) {
        let session = self.session.clone();
        let middleware = salver
            .middleware()
            .session(move |_: &_| Some(session.clone()));
        let page = async || {
            HttpResponse::Ok()
                .content_type("text/html")
                .body("<salver-messages></salver-messages>")
        };
        let app = App::new().wrap(middleware).route("/orders", get().to(page));
        let app = init_service(app).await;
        let request = TestRequest::get().uri("/orders").to_request();
        let response = call_service(&app, request).await;
        let body = to_bytes(response.into_body()).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("stored"));
        salver.flush().await;
    }

    /// Returns the ids that the pages of both sessions show.
    async fn visible(&self, salver: &Salver) -> Vec<MessageId> {
        let mut visible = salver.peek(&self.page).await.unwrap();
        visible.extend(salver.peek(&self.new_page).await.unwrap());
        visible.iter().map(Message::id).collect()
    }

    /// Returns the ids that are visible once all leases have ended, and whether the store must show
    /// exactly these.
    fn expected(&self, operation: Operation, calls: u64) -> Vec<MessageId> {
        let stored = self.stored.id();
        match operation {
            Operation::Add => vec![stored, self.added[0].id()],
            // The first call learns the new id of the session.
            Operation::AddToMovedSession if calls == 1 => vec![stored],
            Operation::AddToMovedSession => vec![stored, self.added[0].id()],
            Operation::AddAll => vec![stored, self.added[0].id(), self.added[1].id()],
            Operation::Peek
            | Operation::Count
            | Operation::Contexts
            | Operation::Claim
            | Operation::Release
            | Operation::Migrate
            | Operation::Sweep
            | Operation::Stats => vec![stored],
            // The first call claims, the second confirms.
            Operation::Page if calls == 1 => vec![stored],
            Operation::Page
            | Operation::Confirm
            | Operation::ConfirmAfterMigration
            | Operation::Take
            | Operation::Retract
            | Operation::Clear
            | Operation::ClearSession
            | Operation::CloseSession => Vec::new(),
        }
    }

    async fn check(
        &self,
        operation: Operation,
        expected: &[MessageId],
        processes: &Processes,
        salver: &Salver,
    ) {
        processes.end_leases();
        let condition = format!("{operation:?} leaves {} messages", expected.len());
        eventually(&condition, async || {
            (self.visible(salver).await == expected).then_some(())
        })
        .await;
    }
}

/// Returns whether the documentation of the operation says that repeating it is safe.
fn is_repeatable(operation: Operation) -> bool {
    !matches!(
        operation,
        Operation::Release | Operation::Take | Operation::Claim | Operation::Page
    )
}

/// Stops a process after each call of each operation. Returns the numbers of calls and of stops.
async fn stop_everywhere(store: &str, processes: &Processes) -> (u64, u64) {
    let (mut calls, mut stops) = (0, 0);
    let observer = processes.start();
    for operation in OPERATIONS {
        let counted = processes.start();
        let name = format!("{operation:?}");
        let scene = Scene::prepare(operation, &name, &observer).await;
        scene.run(operation, &counted).await;
        let all = counted.finished_calls();
        for call in 1..=all {
            let stopping = processes.start();
            let scene = Scene::prepare(operation, &format!("{name}-{call}"), &observer).await;
            stopping.stop_after(call);
            tokio::select! {
                biased;
                () = scene.run(operation, &stopping) => panic!("{operation:?} continues"),
                () = stopping.stopped() => stops += 1,
            }
            let expected = scene.expected(operation, call);
            scene
                .check(operation, &expected, processes, &observer)
                .await;
            if is_repeatable(operation) {
                scene.run(operation, &observer).await;
                let expected = scene.expected(operation, all);
                scene
                    .check(operation, &expected, processes, &observer)
                    .await;
            }
        }
        println!("STOP {store} operation={operation:?} calls={all}");
        calls += all;
    }
    println!("STOP {store} calls={calls} stops={stops}");
    (calls, stops)
}

#[actix_web::test]
async fn process_on_memory_store_stops_after_any_call() {
    let clock = Clock::manual();
    let memory = Arc::new(MemoryStore::with_clock(clock.clone()));
    let store = move || SpyStore {
        report: Report::default(),
        inner: Arc::clone(&memory),
    };
    let (calls, stops) = stop_everywhere("memory", &Processes::new(store, Some(clock))).await;
    assert_eq!(calls, stops);
    assert!(calls >= OPERATIONS.len() as u64);
}

#[actix_web::test]
async fn process_on_redis_stops_after_any_call() {
    let server = Server::start();
    let url = server.url();
    let store = move || RedisStore::new(&url).unwrap();
    let (calls, stops) = stop_everywhere("redis", &Processes::new(store, None)).await;
    assert_eq!(calls, stops);
    assert!(calls >= OPERATIONS.len() as u64);
}
