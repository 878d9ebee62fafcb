//! A store that records its calls and can be made slow, unavailable or panicking.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use salver::store::{
    AddOutcome, Changes, Claim, Issue, Limits, MemoryStore, ReadResult, Selector, Store,
    StoreFuture, StoreStats, SweepProgress,
};
use salver::wire::EncodedMessage;
use salver::{Context, Error, SessionId, View};

/// The recorded calls of a spy, and the controls of its behaviour. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Report(Arc<SpyState>);

#[derive(Debug, Default)]
struct SpyState {
    calls: Mutex<Vec<&'static str>>,
    slow_ms: AtomicU64,
    slow_once: AtomicBool,
    down: AtomicBool,
    panics_at: Mutex<String>,
}

impl Report {
    /// Returns the calls so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.0.calls.lock().unwrap().clone()
    }

    /// Returns the calls so far, in order, and clears the record.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.calls.lock().unwrap())
    }

    /// Delays the execution of every call.
    pub fn slow(&self, wait: Duration) {
        self.0
            .slow_ms
            .store(wait.as_millis() as u64, Ordering::SeqCst);
    }

    /// Delays the execution of the next call only.
    pub fn slow_once(&self, wait: Duration) {
        self.slow(wait);
        self.0.slow_once.store(true, Ordering::SeqCst);
    }

    /// Makes every call fail as unavailable, or succeed again.
    pub fn down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// Makes the calls of this name panic. An empty name disables the panics.
    pub fn panic_at(&self, call: &str) {
        *self.0.panics_at.lock().unwrap() = call.to_owned();
    }

    async fn enter(&self, call: &'static str) -> Result<(), Error> {
        self.0.calls.lock().unwrap().push(call);
        assert!(*self.0.panics_at.lock().unwrap() != call, "the spy panics");
        let wait = match self.0.slow_once.load(Ordering::SeqCst) {
            true => self.0.slow_ms.swap(0, Ordering::SeqCst),
            false => self.0.slow_ms.load(Ordering::SeqCst),
        };
        if wait > 0 {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        if self.0.down.load(Ordering::SeqCst) {
            return Err(Error::unavailable("the spy is down"));
        }
        Ok(())
    }
}

/// A store that records its calls and forwards them to an inner store.
#[derive(Debug)]
pub struct SpyStore<S = MemoryStore> {
    pub report: Report,
    pub inner: Arc<S>,
}

impl SpyStore {
    pub fn new() -> (Self, Report) {
        Self::wrap(MemoryStore::new())
    }
}

impl<S> SpyStore<S> {
    /// Wraps a store in a spy.
    pub fn wrap(store: S) -> (Self, Report) {
        let report = Report::default();
        let inner = Arc::new(store);
        (
            Self {
                report: report.clone(),
                inner,
            },
            report,
        )
    }
}

macro_rules! spied {
    ($self:ident, $name:literal, $call:expr) => {
        Box::pin(async move {
            $self.report.enter($name).await?;
            $call.await
        })
    };
}

impl<S: Store> Store for SpyStore<S> {
    fn add<'a>(
        &'a self,
        context: &'a Context,
        messages: &'a [EncodedMessage],
        limits: &'a Limits,
    ) -> StoreFuture<'a, AddOutcome> {
        spied!(self, "add", self.inner.add(context, messages, limits))
    }

    fn peek<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        spied!(self, "peek", self.inner.peek(contexts, age))
    }

    fn claim<'a>(
        &'a self,
        contexts: &'a [Context],
        lease: Duration,
        age: Duration,
    ) -> StoreFuture<'a, Claim> {
        spied!(self, "claim", self.inner.claim(contexts, lease, age))
    }

    fn take<'a>(&'a self, contexts: &'a [Context], age: Duration) -> StoreFuture<'a, ReadResult> {
        spied!(self, "take", self.inner.take(contexts, age))
    }

    fn confirm<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        spied!(self, "confirm", self.inner.confirm(claim))
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        spied!(self, "release", self.inner.release(claim))
    }

    fn retract<'a>(&'a self, context: &'a Context, which: &'a Selector) -> StoreFuture<'a, u64> {
        spied!(self, "retract", self.inner.retract(context, which))
    }

    fn clear<'a>(&'a self, context: &'a Context) -> StoreFuture<'a, ()> {
        spied!(self, "clear", self.inner.clear(context))
    }

    fn clear_session<'a>(
        &'a self,
        app: &'a str,
        session: &'a SessionId,
        close: Option<Duration>,
    ) -> StoreFuture<'a, ()> {
        spied!(
            self,
            "clear_session",
            self.inner.clear_session(app, session, close)
        )
    }

    fn migrate<'a>(
        &'a self,
        app: &'a str,
        from: &'a SessionId,
        to: &'a SessionId,
        open: bool,
        limits: &'a Limits,
    ) -> StoreFuture<'a, ()> {
        spied!(
            self,
            "migrate",
            self.inner.migrate(app, from, to, open, limits)
        )
    }

    fn contexts<'a>(&'a self, app: &'a str, session: &'a SessionId) -> StoreFuture<'a, Vec<View>> {
        spied!(self, "contexts", self.inner.contexts(app, session))
    }

    fn sweep<'a>(
        &'a self,
        app: &'a str,
        age: Duration,
        from: Option<&'a str>,
    ) -> StoreFuture<'a, SweepProgress> {
        spied!(self, "sweep", self.inner.sweep(app, age, from))
    }

    // Not recorded: a handle runs one check in the background after the first reply of the store,
    // which delays no page.
    fn stats<'a>(&'a self, app: &'a str, from: Option<&'a str>) -> StoreFuture<'a, StoreStats> {
        spied!(self, "stats", self.inner.stats(app, from))
    }

    fn health_check<'a>(&'a self, app: &'a str) -> StoreFuture<'a, Vec<Issue>> {
        self.inner.health_check(app)
    }

    fn changes(&self, app: &str) -> Option<Arc<Changes>> {
        self.inner.changes(app)
    }

    fn page_changes(&self, app: &str) -> Option<Arc<Changes>> {
        self.inner.page_changes(app)
    }

    fn for_current_runtime(self: Arc<Self>) -> Arc<dyn Store> {
        self
    }
}
