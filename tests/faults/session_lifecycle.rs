//! Logins, logouts and late adds of a session in random order.

use std::collections::HashSet;

use actix_web::test::TestRequest;
use salver::{Context, Salver, SessionId};

use crate::support::fault_site::VISITOR_HEADER;
use crate::support::history::{History, Row};
use crate::support::in_process_site::{InProcessSite, in_process_site};
use crate::support::profile::{by_profile, salver};
use crate::support::redis::{Server, pending};
use crate::support::{at, session};
use fastrand::Rng;

/// The session ids of one visitor.
struct Visitor {
    /// The current session id.
    current: SessionId,
    /// All earlier ids: migrated by logins, or closed by logouts.
    previous: Vec<SessionId>,
    /// The ids of sessions that a logout ended. Adds to them must fail.
    closed: Vec<SessionId>,
    /// Number of ids created so far.
    id_count: u32,
}

/// An event of a visitor.
#[derive(Clone, Copy)]
enum Event {
    Add,
    LogIn,
    LogOut,
    Read,
    PostWithOldCookie,
    ReadWithOldIds,
}

/// A random sequence of events of one visitor.
struct Scenario<'a> {
    salver: &'a Salver,
    site: &'a InProcessSite,
    history: &'a History,
    rng: Rng,
    visitor: Visitor,
    name: String,
    contexts: Vec<Context>,
    /// Messages that a logout cleared. They must not be shown.
    cleared: HashSet<salver::MessageId>,
    /// Acknowledged messages that were neither received nor cleared.
    pending: HashSet<salver::MessageId>,
}

impl<'a> Scenario<'a> {
    /// Creates the scenario of visitor `n`, who has a session without messages.
    fn new(salver: &'a Salver, site: &'a InProcessSite, history: &'a History, n: usize) -> Self {
        let name = format!("v{n}");
        Self {
            salver,
            site,
            history,
            rng: Rng::with_seed(n as u64),
            visitor: Visitor {
                current: session(&name),
                previous: Vec::new(),
                closed: Vec::new(),
                id_count: 0,
            },
            name,
            contexts: Vec::new(),
            cleared: HashSet::new(),
            pending: HashSet::new(),
        }
    }

    async fn run(&mut self, event: Event) {
        match event {
            Event::Add => self.add_from_job().await,
            Event::LogIn => self.log_in().await,
            Event::LogOut => self.log_out().await,
            Event::Read => self.read().await,
            Event::PostWithOldCookie => self.post_with_old_cookie().await,
            Event::ReadWithOldIds => self.read_with_old_ids().await,
        }
    }

    fn new_id(&mut self) -> SessionId {
        self.visitor.id_count += 1;
        session(&format!("{}x{}", self.name, self.visitor.id_count))
    }

    fn context(&mut self, session: &SessionId) -> Context {
        let context = at(session.as_str(), "page");
        if !self.contexts.contains(&context) {
            self.contexts.push(context.clone());
        }
        context
    }

    /// A background job adds a message to the current id or to an earlier one.
    async fn add_from_job(&mut self) {
        let mut ids = self.visitor.previous.clone();
        ids.push(self.visitor.current.clone());
        let id = ids[self.rng.u64(..ids.len() as u64) as usize].clone();
        let context = self.context(&id);
        // The history identifies the visitor by name, since the session id changes.
        let owner = at(self.name.as_str(), "page");
        let message = self.history.message(&owner);
        match self.salver.add(&context, message.clone()).await {
            Ok(_) => {
                self.history.record_acknowledged(&message);
                self.pending.insert(message.id());
                assert!(
                    !self.visitor.closed.contains(&id),
                    "an add after a logout succeeded"
                );
            }
            Err(error) => assert!(error.is_session_closed(), "{error}"),
        }
    }

    /// A form is posted with an earlier cookie. Its message must not reach the current session.
    async fn post_with_old_cookie(&mut self) {
        for old in &self.visitor.previous {
            let request = TestRequest::post().uri("/page");
            let request = request.insert_header((VISITOR_HEADER, old.as_str()));
            let (status, _) = self.site.call(request).await;
            assert_eq!(status, 303, "the form failed because of its message");
        }
    }

    async fn log_in(&mut self) {
        let (old, new) = (self.visitor.current.clone(), self.new_id());
        // After a login the old id, which an attacker may know, must contain no messages.
        self.salver.migrate(&old, &new).await.unwrap();
        let messages = self.salver.peek(&at(old.as_str(), "page")).await.unwrap();
        assert!(
            messages.is_empty(),
            "a message is visible under the old id after a login"
        );
        self.visitor.previous.push(old);
        self.visitor.current = new;
    }

    async fn log_out(&mut self) {
        let (old, new) = (self.visitor.current.clone(), self.new_id());
        self.salver.close_session(&old).await.unwrap();
        self.pending
            .iter()
            .for_each(|id| self.history.record_cleared(*id));
        self.cleared.extend(self.pending.drain());
        self.visitor
            .closed
            .append(&mut self.visitor.previous.clone());
        self.visitor.closed.push(old.clone());
        self.visitor.previous.push(old);
        self.visitor.current = new;
    }

    async fn read(&mut self) {
        let current = self.visitor.current.clone();
        let context = self.context(&current);
        let owner = at(self.name.as_str(), "page");
        let claim = self.salver.claim(&context).await.unwrap();
        self.history
            .record_received_messages(&owner, claim.messages());
        for message in claim.messages() {
            assert!(
                !self.cleared.contains(&message.id()),
                "a message was shown after a logout"
            );
            self.pending.remove(&message.id());
        }
        self.salver.confirm(&claim).await.unwrap();
    }

    /// An attacker reads with earlier ids, which must never contain messages.
    async fn read_with_old_ids(&mut self) {
        for old in &self.visitor.previous {
            let messages = self.salver.peek(&at(old.as_str(), "page")).await.unwrap();
            assert!(messages.is_empty(), "a message is visible under an old id");
        }
    }
}

/// The events of a scenario without logouts. An event that is listed twice is twice as frequent.
const LOGIN_EVENTS: [Event; 8] = [
    Event::Add,
    Event::Add,
    Event::Add,
    Event::LogIn,
    Event::LogIn,
    Event::Read,
    Event::PostWithOldCookie,
    Event::ReadWithOldIds,
];
/// The events of a scenario with logouts.
const LOGOUT_EVENTS: [Event; 9] = [
    Event::Add,
    Event::Add,
    Event::Add,
    Event::LogIn,
    Event::LogIn,
    Event::LogOut,
    Event::Read,
    Event::PostWithOldCookie,
    Event::ReadWithOldIds,
];
/// Number of events in a scenario.
const SCENARIO_LENGTH: usize = 12;

/// Adds of jobs follow to the new session id, and the old one shows nothing.
#[actix_web::test]
async fn logins_move_all_messages_to_new_session_ids() {
    run_scenarios("logins", &LOGIN_EVENTS).await;
}

/// No message of a closed session is shown, and late adds to it fail.
#[actix_web::test]
async fn logouts_remove_all_messages_and_reject_late_adds() {
    let cleared = run_scenarios("logouts", &LOGOUT_EVENTS).await;
    assert!(cleared > 0, "no logout removed a message");
}

/// Runs random sequences of these events, each for a visitor of its own. Returns the number of
/// messages that logouts removed.
async fn run_scenarios(test: &'static str, events: &[Event]) -> usize {
    let server = Server::start();
    let (salver, history) = (salver(&server.url()), History::default());
    let site = in_process_site(&salver).await;
    let (scenarios, mut contexts, mut cleared) = (by_profile(1_000, 100_000), Vec::new(), 0);
    for n in 0..scenarios {
        let mut scenario = Scenario::new(&salver, &site, &history, n);
        for _ in 0..SCENARIO_LENGTH {
            let event = scenario.rng.choice(events).unwrap();
            scenario.run(*event).await;
        }
        scenario.read().await;
        assert!(
            scenario.pending.is_empty(),
            "messages {:?} were never received",
            scenario.pending
        );
        cleared += scenario.cleared.len();
        contexts.append(&mut scenario.contexts);
    }
    let verdict = history.verdict(&pending(&server, &contexts));
    assert_eq!((verdict.received, verdict.again), (verdict.n, 0));
    let events = scenarios * SCENARIO_LENGTH;
    Row {
        test,
        verdict,
        more: format!("scenarios={scenarios} events={events} cleared_by_logout={cleared}"),
        ..Row::default()
    }
    .report();
    cleared
}
