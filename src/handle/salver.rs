//! The handle: the name of an application, a store and a configuration.

#[cfg(any(feature = "web", feature = "jobs"))]
use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::call_policy::CallPolicy;
use crate::changes::Changes;
use crate::config::Config;
use crate::context::{IntoView, validate_app};
#[cfg(any(feature = "web", feature = "jobs"))]
use crate::extensions::Extensions;
#[cfg(feature = "web")]
use crate::handle::page_latency::PageLatency;
use crate::settlement::Settler;
#[cfg(feature = "inbox")]
use crate::store::Backend;
use crate::store::Store;
use crate::{Context, Error, SessionId, View};

/// The handle of an application, with which handlers, jobs and tests add, read and remove messages.
///
/// Cheap to clone, `Send` and `Sync`, usable from any process, task and tokio runtime. In an
/// actix-web handler it is also an extractor.
///
/// # Examples
///
/// ```
/// use salver::{Message, Salver, SessionId};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("iconfinder")?;
/// let context = salver.context(SessionId::new("ada")?, "uploads")?;
///
/// salver.add(&context, Message::success("120 icons are ready.").tag("import")).await?;
/// assert_eq!(salver.count(&context).await?, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Salver {
    pub(super) app: Arc<str>,
    pub(super) shared: Arc<Shared>,
    /// The shared store; on an actix worker the store with the connection of that worker.
    pub(super) store: Arc<dyn Store>,
    pub(super) settler: Settler,
    /// The policy of its calls; a worker has a circuit breaker of its own.
    pub(super) calls: CallPolicy,
    /// How many replicas must acknowledge an add.
    pub(super) replicas: u32,
    /// The change notifications with the pending index of this application; on an actix worker
    /// only.
    pub(super) changes: Option<Arc<Changes>>,
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) config: Config,
    /// Set when the health check of the store has been started.
    pub(super) health_checked: OnceLock<()>,
    /// How long claims of pages take.
    #[cfg(feature = "web")]
    pub(super) page_latency: PageLatency,
    /// State of the layers above.
    #[cfg(any(feature = "web", feature = "jobs"))]
    pub(super) extensions: Extensions,
    /// Permits for migrations in doubt that are retried.
    #[cfg(feature = "web")]
    pub(super) migrations: Arc<tokio::sync::Semaphore>,
}

impl Salver {
    /// Returns a handle for another application on the same store, with the same configuration.
    ///
    /// # Errors
    ///
    /// As [`memory`](Self::memory).
    pub fn with_app(&self, name: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            app: validate_app(name)?,
            changes: None,
            ..self.clone()
        })
    }

    /// Returns a handle whose adds wait until `replicas` replicas of the store have acknowledged
    /// them.
    ///
    /// For messages that must survive the loss of a server. Default: 0, the acknowledgement of the
    /// primary suffices. An add waits for the replicas for at most a third of the
    /// [`call_timeout`](crate::SalverBuilder::call_timeout).
    ///
    /// It costs the round trip from the primary to its replicas, and a separate connection, of
    /// which a process has at most eight. If too many adds wait already, an add fails with
    /// [`is_unavailable`](Error::is_unavailable).
    ///
    /// If too few replicas acknowledge in time, the add is [in doubt](Error::is_in_doubt): the
    /// message is stored, and may be lost with the primary. A memory store has no replicas: every
    /// add to it is in doubt. The page [guarantees](crate::docs::guarantees) describes the cases in
    /// which Redis still loses a message.
    #[must_use]
    pub fn replicated(&self, replicas: u32) -> Self {
        Self {
            replicas,
            ..self.clone()
        }
    }

    /// Returns the name of the application.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// Creates a context of this application. `view`: a [`View`] or its name.
    ///
    /// # Errors
    ///
    /// As [`View::new`](crate::View::new).
    pub fn context(&self, session: SessionId, view: impl IntoView) -> Result<Context, Error> {
        Ok(self.context_for(session, view.into_view()?))
    }

    pub(crate) fn context_for(&self, session: SessionId, view: View) -> Context {
        Context::new_unchecked(Arc::clone(&self.app), session, view)
    }

    /// Removes all messages of a session, claimed and delayed ones too. One round trip.
    ///
    /// Later adds to the session succeed; [`close_session`](Self::close_session) rejects them.
    ///
    /// # Errors
    ///
    /// As [`clear`](Self::clear). Repeating is safe.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the messages may have been removed. Repeating is safe.
    pub async fn clear_session(&self, session: &SessionId) -> Result<(), Error> {
        let clear = || self.store.clear_session(&self.app, session, None);
        self.write_idempotent("clear", clear).await
    }

    /// Waits until all confirms and releases of served pages have been attempted, and each failed
    /// confirm once more.
    ///
    /// Call it after the HTTP server has stopped, so that no shown message is shown again. Each
    /// attempt waits for the store for at most 1 second. The handle stays usable.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the settlements continue in the background.
    pub async fn flush(&self) {
        self.settler.flush().await;
    }

    /// Returns the name of the application, as metrics share it.
    #[cfg(any(feature = "inbox", feature = "live"))]
    pub(crate) fn shared_app(&self) -> &Arc<str> {
        &self.app
    }

    /// Returns what the store keeps its data in.
    #[cfg(feature = "inbox")]
    pub(crate) fn backend(&self) -> Backend {
        self.store.backend()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Returns a handle for use on the current runtime only, with its own connection and settlement
    /// queue.
    #[cfg(feature = "web")]
    pub(crate) fn for_current_runtime(&self) -> Self {
        let store = Arc::clone(&self.shared.store).for_current_runtime();
        let calls = self.calls.clone();
        Self {
            settler: self.settler.for_current_runtime(Arc::clone(&store), calls),
            store,
            changes: self.page_changes(),
            ..self.clone()
        }
    }

    /// Returns the state of this type that all clones of the handle share.
    #[cfg(any(feature = "web", feature = "jobs"))]
    pub(crate) fn extension<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        self.shared.extensions.get()
    }

    /// Returns whether the messages are in the memory of this process.
    #[cfg(feature = "web")]
    pub(crate) fn is_in_memory(&self) -> bool {
        self.store.backend().is_memory()
    }

    /// Returns a handle for a worker, with a connection and a circuit breaker of its own: pages do not feel its failures.
    #[cfg(feature = "jobs")]
    pub(crate) fn for_worker(&self) -> Self {
        let shared = &self.shared.store;
        Self {
            store: Arc::clone(shared)
                .for_worker()
                .unwrap_or_else(|| Arc::clone(shared)),
            #[cfg(feature = "web")]
            settler: self.settler.detached(),
            calls: self.calls.with_own_breaker(),
            changes: None,
            ..self.clone()
        }
    }

    /// Returns a handle that any runtime may use.
    #[cfg(feature = "web")]
    pub(crate) fn detached(&self) -> Self {
        Self {
            store: Arc::clone(&self.shared.store),
            settler: self.settler.detached(),
            ..self.clone()
        }
    }
}

impl fmt::Debug for Salver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Salver")
            .field("app", &self.app)
            .field("store", &self.store)
            .field("config", &self.shared.config)
            .finish()
    }
}
