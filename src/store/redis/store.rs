//! The Redis store: one script for every operation of more than one step.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::redis::{Addresses, Dialer, Line, Replicated};
#[cfg(feature = "cluster")]
use crate::store::redis::cluster_migration;
use crate::store::redis::scripts::{self, Mode};
use crate::store::redis::tracker::Tracker;
use crate::store::redis::{health, sweep};
use crate::store::{
    Answer, Changes, Claim, Finding, Found, Limits, Placed, Store, Surveyed, Swept, Which,
};
use crate::{Context, Error, Message, SessionId, View};

/// The lease of a take that is a claim and its confirm.
const TAKING: Duration = Duration::from_secs(15);

/// Keeps messages in Redis 6.2 or newer, or Valkey, shared by every process of the application.
///
/// Connects when first needed, and again after a break. Calls on the store itself share one connection on
/// a thread of Salver's own, so that they work from any runtime; each actix worker gets a connection of its
/// own. The format is described in [the data page](crate::docs::data).
#[derive(Clone, Debug)]
pub struct RedisStore {
    line: Line,
    replicated: Replicated,
    /// The stores of worker threads, so that an app that wraps many scopes has one connection all the same.
    workers: Arc<Mutex<HashMap<ThreadId, Weak<Self>>>>,
    /// What is known of the contexts of each application that has pages here.
    trackers: Arc<Mutex<HashMap<String, Tracker>>>,
}

impl RedisStore {
    /// Takes connections out of a pool of the caller's: one for all shared calls, one per actix worker, up to
    /// eight for adds that wait for replicas, and another after a break. They are detached from the pool,
    /// since a checkout per request costs more than the request, and take no room in it: count them against
    /// the server's `maxclients`.
    #[must_use]
    pub fn pooled(pool: deadpool_redis::Pool) -> Self {
        Self::with(Dialer::Pool(pool))
    }

    pub(super) fn at(addresses: &Addresses) -> Result<Self, Error> {
        Ok(Self::with(Dialer::new(addresses)?))
    }

    fn with(dialer: Dialer) -> Self {
        let line = Line::at_home(dialer);
        Self {
            replicated: Replicated::beside(&line),
            line,
            workers: Arc::default(),
            trackers: Arc::default(),
        }
    }

    /// Gives the bell of an application, if it has been asked for.
    fn bell(&self, app: &str) -> Option<Arc<Changes>> {
        let trackers = self.trackers();
        trackers.get(app).map(|tracker| Arc::clone(&tracker.bell))
    }

    fn trackers(&self) -> MutexGuard<'_, HashMap<String, Tracker>> {
        self.trackers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings at once for what this process has done itself: its next page is not to wait for the server's word.
    fn ring(&self, context: &Context) {
        if let Some(bell) = self.bell(context.app()) {
            bell.mark_changed(context);
        }
    }

    /// Looks, and notes in the index what came of it.
    async fn look(
        &self,
        contexts: &[Context],
        mode: Mode,
        lease: Duration,
        age: Duration,
    ) -> Result<Claim, Error> {
        let bell = contexts.first().and_then(|first| self.bell(first.app()));
        let look = bell.as_ref().map(|bell| bell.begin_query(contexts));
        let claim = scripts::look(&self.line, contexts, mode, lease, age).await?;
        if let Some(look) = look {
            look.finish(claim.found.next);
        }
        Ok(claim)
    }
}

impl Store for RedisStore {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [Message],
        limits: &'a Limits,
    ) -> Answer<'a, Placed> {
        Box::pin(async move {
            let add = scripts::add(context, messages, limits)?;
            let added = match limits.replicas {
                0 => self.line.ask(&add).await.map(|parts| (parts, true)),
                replicas => self.replicated.ask(add, replicas, limits.within).await,
            };
            // Whatever came of it: it may be there.
            self.ring(context);
            let (parts, enough) = added?;
            match scripts::added(parts)? {
                Placed::Here { .. } if !enough => Err(Error::few_replicas()),
                placed => Ok(placed),
            }
        })
    }

    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> Answer<'a, Found> {
        Box::pin(async move {
            let look = scripts::look(&self.line, contexts, Mode::Peek, Duration::ZERO, age);
            Ok(look.await?.found)
        })
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        age: Duration,
    ) -> Answer<'a, Claim> {
        Box::pin(async move {
            let claim = self.look(contexts, Mode::Claim, lease, age).await;
            if !claim.as_ref().is_err_and(Error::is_read_only) {
                return claim;
            }
            // Better shown, and perhaps once more, than not shown: the confirm waits until it can be written.
            scripts::look(&self.line, contexts, Mode::Peek, Duration::ZERO, age).await
        })
    }

    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> Answer<'a, Found> {
        Box::pin(async move {
            if self.line.is_cluster() {
                // A Cluster's client asks again after a break: what a first take removed would be gone.
                let claim = self.claim(contexts, TAKING, age).await?;
                self.confirm(&claim).await?;
                return Ok(claim.found);
            }
            let look = self.look(contexts, Mode::Take, Duration::ZERO, age);
            Ok(look.await?.found)
        })
    }

    fn confirm<'a>(&'a self, claim: &'a Claim) -> Answer<'a, ()> {
        Box::pin(scripts::confirm(&self.line, claim))
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> Answer<'a, ()> {
        Box::pin(async move {
            let released = scripts::release(&self.line, claim).await;
            for held in &claim.held {
                self.ring(&held.context);
            }
            released
        })
    }

    fn retract<'a>(&'a self, context: &'a Context, which: &'a Which) -> Answer<'a, u64> {
        Box::pin(scripts::retract(&self.line, context, which))
    }

    fn clear<'a>(&'a self, context: &'a Context) -> Answer<'a, ()> {
        Box::pin(scripts::clear(&self.line, context))
    }

    fn clear_session<'a>(
        &'a self,
        app: &'a str,
        session: &'a SessionId,
        close: Option<Duration>,
    ) -> Answer<'a, ()> {
        Box::pin(scripts::clear_session(&self.line, app, session, close))
    }

    fn migrate<'a>(
        &'a self,
        app: &'a str,
        from: &'a SessionId,
        to: &'a SessionId,
        open: bool,
        limits: &'a Limits,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            #[cfg(feature = "cluster")]
            if self.line.is_cluster() {
                return cluster_migration::migrate(&self.line, app, from, to, open, limits).await;
            }
            scripts::migrate(&self.line, app, from, to, open, limits).await
        })
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> Answer<'a, Vec<View>> {
        Box::pin(scripts::contexts(&self.line, app, session))
    }

    fn sweep<'a>(
        &'a self,
        app: &'a str,
        age: Duration,
        from: Option<&'a str>,
    ) -> Answer<'a, Swept> {
        Box::pin(sweep::step(&self.line, app, age, from))
    }

    fn survey<'a>(&'a self, app: &'a str, from: Option<&'a str>) -> Answer<'a, Surveyed> {
        Box::pin(sweep::survey(&self.line, app, from))
    }

    fn check<'a>(&'a self, app: &'a str) -> Answer<'a, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = health::check(&self.line, app).await?;
            findings.extend(self.trackers().get(app).and_then(Tracker::finding));
            Ok(findings)
        })
    }

    fn doorbell(&self, app: &str) -> Option<Arc<Changes>> {
        let dialer = self.line.dialer();
        if !dialer.can_listen() {
            return None;
        }
        let mut trackers = self.trackers();
        if let Some(tracker) = trackers.get(app) {
            return Some(Arc::clone(&tracker.bell));
        }
        // Names of applications may come from outside: what nobody needs any more ends before another begins.
        trackers.retain(|_, tracker| tracker.is_needed());
        // Without a thread of its own nobody listens: pages ask.
        let tracker = Tracker::start(dialer, app).ok()?;
        let bell = Arc::clone(&tracker.bell);
        trackers.insert(app.to_owned(), tracker);
        Some(bell)
    }

    fn worker(self: Arc<Self>) -> Arc<dyn Store> {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|_, worker| worker.strong_count() > 0);
        let thread = thread::current().id();
        if let Some(worker) = workers.get(&thread).and_then(Weak::upgrade) {
            return worker;
        }
        let worker = Arc::new(Self {
            line: self.line.here(),
            replicated: self.replicated.clone(),
            workers: Arc::clone(&self.workers),
            trackers: Arc::clone(&self.trackers),
        });
        workers.insert(thread, Arc::downgrade(&worker));
        worker
    }
}
