//! How a handle is set up.

use std::sync::Arc;
use std::time::Duration;

use crate::call_policy::CallPolicy;
use crate::config::Config;
use crate::context::validate_app;
use crate::handle::salver::{Salver, Shared};
use crate::settlement::Settler;
use crate::store::{MemoryStore, Store, WhenFull};
use crate::{Error, Level};

/// Sets a [`Salver`] up: `Salver::builder("shop").max_messages(20).build()?`.
#[derive(Debug)]
pub struct SalverBuilder {
    pub(crate) app: String,
    pub(crate) store: Option<Result<Arc<dyn Store>, Error>>,
    pub(crate) config: Config,
}

impl Salver {
    /// Keeps messages in the memory of this process: for one process, for development, for tests.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an `app` that is empty, over 64 bytes or has a control
    /// character.
    pub fn memory(app: impl Into<String>) -> Result<Self, Error> {
        Self::builder(app).build()
    }

    /// Keeps messages in Redis, shared by every process of the application. Connects when first needed.
    ///
    /// `url`: `redis://[user:password@]host[:port][/db]`.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a bad `app` or a URL that does not parse. A server that is
    /// down is no error here: messages are carried as soon as it is up.
    #[cfg(feature = "redis")]
    pub fn redis(app: impl Into<String>, url: &str) -> Result<Self, Error> {
        Self::new(app, crate::store::RedisStore::new(url)?)
    }

    /// Keeps messages in any store.
    ///
    /// # Errors
    ///
    /// As [`memory`](Self::memory).
    pub fn new(app: impl Into<String>, store: impl Store) -> Result<Self, Error> {
        Self::builder(app).store(store).build()
    }

    /// Starts with the defaults and changes some.
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
    /// Sets the store. Default: a new [`MemoryStore`].
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Ok(Arc::new(store)));
        self
    }

    /// Sets Redis as the store, by URL as in [`Salver::redis`].
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn redis(mut self, url: &str) -> Self {
        let store = crate::store::RedisStore::new(url);
        self.store = Some(store.map(|store| Arc::new(store) as Arc<dyn Store>));
        self
    }

    /// Checks every setting and makes the handle. Connects to nothing.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid), naming the setting: an empty `app`, a URL that does not parse, a
    /// `lease` of zero, `max_messages` of 1,001.
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
            changes: None,
            shared: Arc::new(Shared {
                store: Arc::clone(&store),
                config: self.config,
                calls,
                health_checked: std::sync::OnceLock::new(),
                #[cfg(feature = "web")]
                migrations: Arc::new(tokio::sync::Semaphore::new(
                    crate::handle::migrate::MAX_CONCURRENT_MIGRATIONS,
                )),
            }),
            store,
        })
    }
}

/// The settings that a builder passes on, one method each.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident($value:ident: $type:ty) => $($place:ident).+;)*) => {
        impl SalverBuilder {
            $($(#[$doc])* #[must_use] pub fn $name(mut self, $value: $type) -> Self {
                self.config.$($place).+ = $value;
                self
            })*
        }
    };
}

settings! {
    /// Sets how long a context lives after its last add: 1 second to 30 days. Default: 1 hour.
    ttl(time: Duration) => limits.ttl;
    /// Sets the age over which a message is not shown: 1 second to 30 days. Default: 24 hours.
    max_age(time: Duration) => limits.max_age;
    /// Sets how many messages a context keeps: 1 to 1,000. Default: 100.
    max_messages(count: usize) => limits.max_messages;
    /// Sets how many contexts a session may have: 1 to 64. Default: 64.
    max_contexts(count: usize) => limits.max_contexts;
    /// Sets what happens when a context is full. Default: [`WhenFull::DropOldest`].
    when_full(when_full: WhenFull) => limits.when_full;
    /// Sets how long a page hides what it claimed from every other: 1 second to 10 minutes. Default: 15 s.
    /// A page slower than this may show a message that another shows too.
    lease(time: Duration) => lease;
    /// Sets the level below which nothing is added. Default: [`Level::Debug`], everything is.
    minimum_level(level: Level) => minimum_level;
    /// Sets how long one page may wait for the store, all its calls together: 1 ms to 10 s.
    /// Default: 50 ms. After it the page goes out without messages.
    page_timeout(time: Duration) => page_timeout;
    /// Sets how long one add, or any other call on the handle, may wait for the store: 1 ms to 10 s.
    /// Default: 250 ms.
    call_timeout(time: Duration) => call_timeout;
    /// Sets whether pages may know without asking that nothing is pending, from what Redis tells each process
    /// of changes. Default: true. Without it every page of a visitor with a session asks.
    pending_index(on: bool) => pending_index;
}
