//! The life of a session: logins, logouts and late adds in every order.

use std::collections::HashSet;

use actix_web::test::TestRequest;
use salver::{Context, Salver, SessionId};

use super::fault_matrix::{Site, site};
use super::site::WHO;
use super::{column, pending, salver};
use crate::support::history::{History, Row};
use crate::support::redis::Server;
use crate::support::{at, session};
use fastrand::Rng;

/// What has become of one visitor.
struct Visitor {
    /// The id that the visitor's cookie stands for by now.
    now: SessionId,
    /// The ids before it, and the one that a logout closed.
    before: Vec<SessionId>,
    /// The newest id of a life, by each id of it: where a job's add has to end.
    closed: Vec<SessionId>,
    born: u32,
}

/// Everything that happens to one visitor, in an order left to chance.
struct Story<'a> {
    salver: &'a Salver,
    site: &'a Site,
    history: &'a History,
    rng: Rng,
    visitor: Visitor,
    name: String,
    contexts: Vec<Context>,
    /// Messages that a logout cleared, or that nobody is to see.
    cleared: HashSet<salver::MessageId>,
    open: HashSet<salver::MessageId>,
}

impl Story<'_> {
    fn new_id(&mut self) -> SessionId {
        self.visitor.born += 1;
        session(&format!("{}x{}", self.name, self.visitor.born))
    }

    fn context(&mut self, session: &SessionId) -> Context {
        let context = at(session.as_str(), "page");
        if !self.contexts.contains(&context) {
            self.contexts.push(context.clone());
        }
        context
    }

    /// A job adds to an id that it was given some time ago.
    async fn job_adds(&mut self) {
        let mut ids = self.visitor.before.clone();
        ids.push(self.visitor.now.clone());
        let old = ids[self.rng.u64(..ids.len() as u64) as usize].clone();
        let context = self.context(&old);
        // Whose it is: whoever the id leads to.
        let owner = at(self.name.as_str(), "page");
        let message = self.history.message(&owner);
        match self.salver.add(&context, message.clone()).await {
            Ok(_) => {
                self.history.acknowledged(&message);
                self.open.insert(message.id());
                assert!(
                    !self.visitor.closed.contains(&old),
                    "an add after a logout was taken"
                );
            }
            Err(error) => assert!(error.is_closed(), "{error}"),
        }
    }

    /// A form is sent with an old cookie: its message is not for the new session.
    async fn old_cookie_posts(&mut self) {
        for old in &self.visitor.before {
            let request = TestRequest::post().uri("/page");
            let request = request.insert_header((WHO, old.as_str()));
            let (status, _) = self.site.call(request).await;
            assert_eq!(status, 303, "a form fails for its message");
        }
    }

    async fn logs_in(&mut self) {
        let (old, new) = (self.visitor.now.clone(), self.new_id());
        // An attacker who knows the new id in advance finds nothing there that is not the visitor's.
        self.salver.migrate(&old, &new).await.unwrap();
        let seen = self.salver.peek(&at(old.as_str(), "page")).await.unwrap();
        assert!(seen.is_empty(), "the old id shows something after a login");
        self.visitor.before.push(old);
        self.visitor.now = new;
    }

    async fn logs_out(&mut self) {
        let (old, new) = (self.visitor.now.clone(), self.new_id());
        self.salver.close_session(&old).await.unwrap();
        self.open.iter().for_each(|id| self.history.cleared(*id));
        self.cleared.extend(self.open.drain());
        self.visitor.closed.append(&mut self.visitor.before.clone());
        self.visitor.closed.push(old.clone());
        self.visitor.before.push(old);
        self.visitor.now = new;
    }

    async fn reads(&mut self) {
        let now = self.visitor.now.clone();
        let context = self.context(&now);
        let owner = at(self.name.as_str(), "page");
        let claim = self.salver.claim(&context).await.unwrap();
        self.history.given(&owner, claim.messages());
        for message in claim.messages() {
            assert!(
                !self.cleared.contains(&message.id()),
                "shown after a logout"
            );
            self.open.remove(&message.id());
        }
        self.salver.confirm(&claim).await.unwrap();
    }

    /// Old ids open nothing, whatever has happened.
    async fn attacker_reads(&mut self) {
        for old in &self.visitor.before {
            let seen = self.salver.peek(&at(old.as_str(), "page")).await.unwrap();
            assert!(seen.is_empty(), "an old id shows something");
        }
    }
}

/// Logins, logouts, late adds of jobs, reads and attackers with old ids, interleaved.
#[actix_web::test]
async fn session_life() {
    let server = Server::start();
    let (salver, history) = (salver(&server.url()), History::default());
    let site = site(&salver).await;
    let (stories, mut contexts, mut steps) = (column(1_000, 100_000), Vec::new(), 0);
    let mut cleared = 0;
    for n in 0..stories {
        let name = format!("v{n}");
        let mut story = Story {
            salver: &salver,
            site: &site,
            history: &history,
            rng: Rng::with_seed(n as u64),
            visitor: Visitor {
                now: session(&name),
                before: Vec::new(),
                closed: Vec::new(),
                born: 0,
            },
            name,
            contexts: Vec::new(),
            cleared: HashSet::new(),
            open: HashSet::new(),
        };
        for _ in 0..12 {
            steps += 1;
            match story.rng.u64(..9) {
                0..=2 => story.job_adds().await,
                3 | 4 => story.logs_in().await,
                5 => story.logs_out().await,
                6 => story.reads().await,
                7 => story.old_cookie_posts().await,
                _ => story.attacker_reads().await,
            }
        }
        story.reads().await;
        assert!(story.open.is_empty(), "{:?} came to nobody", story.open);
        cleared += story.cleared.len();
        contexts.append(&mut story.contexts);
    }
    let verdict = history.verdict(&pending(&server, &contexts));
    assert_eq!((verdict.received, verdict.again), (verdict.n, 0));
    let more = format!("stories={stories} steps={steps} cleared_by_logout={cleared}");
    Row {
        test: "session_life",
        verdict,
        more,
        ..Row::default()
    }
    .judge();
}
