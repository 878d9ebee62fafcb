//! Configuration of a handle.

use std::sync::Arc;
use std::time::Duration;

use crate::call_policy::CallPolicy;
use crate::config::Config;
use crate::context::validate_app;
use crate::handle::salver::{Salver, Shared};
use crate::settlement::Settler;
use crate::store::{MemoryStore, Store, WhenFull};
use crate::{Error, Level};

/// The builder of a [`Salver`]. Created by [`Salver::builder`].
///
/// Setters do not fail; [`build`](Self::build) checks all settings.
///
/// ```
/// use salver::Salver;
///
/// # fn main() -> Result<(), salver::Error> {
/// let salver = Salver::builder("shop").max_messages(20).build()?;
/// # let _ = salver;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct SalverBuilder {
    pub(crate) app: String,
    pub(crate) store: Option<Result<Arc<dyn Store>, Error>>,
    pub(crate) config: Config,
}

impl Salver {
    /// Creates a handle with the default settings and a new [`MemoryStore`]: for a site of one
    /// process, for development, for tests.
    ///
    /// The messages are lost when the process ends. `app`: the name of the application, 1 to 64
    /// bytes, not only white space, no control character.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an `app` of `""`, of 65 bytes, of `"a\nb"`.
    pub fn memory(app: impl Into<String>) -> Result<Self, Error> {
        Self::builder(app).build()
    }

    /// Creates a handle with the default settings for a Redis server that all processes of the
    /// application share.
    ///
    /// It connects when the first call needs a connection. So a server that is down is no error
    /// here: calls succeed when it is up.
    ///
    /// - `app`: as for [`memory`](Self::memory).
    /// - `url`: `redis://[user:password@]host[:port][/db]`; `rediss://` needs the feature `tls`.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) as for [`memory`](Self::memory), and for a URL that does
    /// not parse.
    #[cfg(feature = "redis")]
    pub fn redis(app: impl Into<String>, url: &str) -> Result<Self, Error> {
        Self::new(app, crate::store::RedisStore::new(url)?)
    }

    /// Creates a handle with the default settings for any store.
    ///
    /// # Errors
    ///
    /// As [`memory`](Self::memory).
    pub fn new(app: impl Into<String>, store: impl Store) -> Result<Self, Error> {
        Self::builder(app).store(store).build()
    }

    /// Returns a builder with the default settings. [`SalverBuilder::build`] checks `app`.
    #[must_use]
    pub fn builder(app: impl Into<String>) -> SalverBuilder {
        SalverBuilder {
            app: app.into(),
            store: None,
            config: Config::default(),
        }
    }
}

impl SalverBuilder {
    /// Sets the store. Default: a new [`MemoryStore`]. It replaces a store that was set before.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Ok(Arc::new(store)));
        self
    }

    /// Sets a Redis server as the store. `url`: as for [`Salver::redis`]. A URL that does not parse
    /// is an error of [`build`](Self::build).
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn redis(mut self, url: &str) -> Self {
        let store = crate::store::RedisStore::new(url);
        self.store = Some(store.map(|store| Arc::new(store) as Arc<dyn Store>));
        self
    }

    /// Checks every setting and creates the handle. It does not connect to the store.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for the first invalid setting, which [`Error::field`]
    /// names: an empty `app`, a URL that does not parse, a `lease` of zero, `max_messages` of
    /// 1,001.
    pub fn build(self) -> Result<Salver, Error> {
        let app = validate_app(self.app)?;
        self.config.validate()?;
        let store = match self.store {
            Some(store) => store?,
            None => Arc::new(MemoryStore::new()),
        };
        let calls = CallPolicy::default();
        Ok(Salver {
            app,
            settler: Settler::new(Arc::clone(&store), calls.clone()),
            replicas: 0,
            calls,
            changes: None,
            shared: Arc::new(Shared {
                store: Arc::clone(&store),
                config: self.config,
                health_checked: std::sync::OnceLock::new(),
                #[cfg(feature = "web")]
                page_latency: Default::default(),
                #[cfg(any(feature = "web", feature = "jobs"))]
                extensions: Default::default(),
                #[cfg(feature = "web")]
                migrations: Arc::new(tokio::sync::Semaphore::new(
                    crate::handle::migrate::MAX_CONCURRENT_MIGRATIONS,
                )),
            }),
            store,
        })
    }
}

/// Defines one setter for each setting of [`Config`].
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident($value:ident: $type:ty) => $($field:ident).+;)*) => {
        impl SalverBuilder {
            $($(#[$doc])* #[must_use] pub fn $name(mut self, $value: $type) -> Self {
                self.config.$($field).+ = $value;
                self
            })*
        }
    };
}

settings! {
    /// Sets how long a context lives at least after its last add, or after its last message becomes
    /// visible.
    ///
    /// 1 second to 30 days. Default: 1 hour. After it, unread messages are removed: it keeps the
    /// store free of the messages of visitors who have left. Reading does not extend it.
    ttl(time: Duration) => limits.ttl;
    /// Sets the age beyond which a message is no longer shown, by the time in its id.
    ///
    /// 1 second to 30 days. Default: 24 hours. Stops pages from showing messages that are no longer relevant.
    max_age(time: Duration) => limits.max_age;
    /// Sets how many messages a context has at most.
    ///
    /// 1 to 1,000. Default: 100, so that a runaway job does not flood a page. Beyond it
    /// [`when_full`](Self::when_full) applies.
    max_messages(count: usize) => limits.max_messages;
    /// Sets how many contexts a session has at most.
    ///
    /// 1 to 64. Default: 64, so that one visitor does not fill the store. An add to one more
    /// context fails with [`Error::is_full`].
    max_contexts(count: usize) => limits.max_contexts;
    /// Sets the behaviour of an add to a full context. Default: [`WhenFull::DropOldest`].
    when_full(when_full: WhenFull) => limits.when_full;
    /// Sets how long a claim hides its messages from other readers.
    ///
    /// 1 second to 10 minutes. Default: 15 seconds. A page slower than the lease may show a message
    /// that another page shows too. After a crash, messages reappear when the lease expires.
    lease(time: Duration) => lease;
    /// Sets the lowest level that is added. Adds below it succeed without effect.
    ///
    /// Default: [`Level::Debug`], all messages are added.
    minimum_level(level: Level) => minimum_level;
    /// Sets how long a page waits for the store at most, all its calls together.
    ///
    /// 1 ms to 10 s. Default: 50 ms. After it the page is served without messages, which stay
    /// pending.
    ///
    /// Set it to several times the round trip to the store. If three consecutive replies come
    /// later, a warning names both times, and [`Salver::health`] reports
    /// [`SlowStore`](crate::store::IssueKind::SlowStore). So that messages are shown nevertheless,
    /// one page then waits up to four times the measured latency: at most 1 s, and at most
    /// [`call_timeout`](Self::call_timeout). After three more late replies another page does.
    page_timeout(time: Duration) => page_timeout;
    /// Sets how long an add, or any other call on the handle, waits for the store at most.
    ///
    /// 1 ms to 10 s. Default: 250 ms. After it the call fails: a read with
    /// [`Error::is_unavailable`], a write with [`Error::is_in_doubt`]. Health checks and the steps
    /// of [`Salver::stats`] and [`Salver::sweep`] have 2 s.
    call_timeout(time: Duration) => call_timeout;
    /// Sets whether each process keeps a [pending index](crate::PendingIndex).
    ///
    /// Default: `true`. Redis then reports changed keys to each process, and a page with nothing
    /// pending sends no query. With `false`, every page of a visitor with a session queries the
    /// store.
    pending_index(on: bool) => pending_index;
}
