//! The handle: a store, an application's name and a policy.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::call_policy::CallPolicy;
use crate::changes::Changes;
use crate::config::Config;
use crate::context::{IntoView, validate_app};
use crate::settlement::Settler;
use crate::store::Store;
use crate::{Context, Error, SessionId, View};

/// Carries messages: the one handle for handlers, jobs and tests.
///
/// Cheap to clone, `Send` and `Sync`, usable from any process, task and tokio runtime. In a handler it is
/// an extractor too.
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
    /// The shared store, or on an actix worker that worker's own connection to it.
    pub(super) store: Arc<dyn Store>,
    pub(super) settler: Settler,
    /// How many replicas have to have an add.
    pub(super) replicas: u32,
    /// On an actix worker what is known without asking, of this application alone.
    pub(super) changes: Option<Arc<Changes>>,
}

pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) config: Config,
    pub(super) calls: CallPolicy,
    /// Set when the store has been looked at.
    pub(super) health_checked: OnceLock<()>,
    /// Places for moves that are in doubt.
    #[cfg(feature = "web")]
    pub(super) migrations: Arc<tokio::sync::Semaphore>,
}

impl Salver {
    /// Gives a handle for another application on the same store.
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

    /// Gives a handle whose adds return only when so many replicas of the store have them.
    ///
    /// For what must survive the loss of a server. It costs the round trip from the server to its replicas, and
    /// a connection of its own, of which a process has at most eight. With too few in time the add is
    /// [in doubt](Error::is_in_doubt): it is there, and may be lost with the server. A memory store has no replicas: there it is always in doubt,
    /// after adding. What Redis can promise
    /// even so is on the page [promises](crate::docs::promises).
    #[must_use]
    pub fn replicated(&self, replicas: u32) -> Self {
        Self {
            replicas,
            ..self.clone()
        }
    }

    /// Gives the application's name.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// Puts an address of this application together.
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

    /// Removes all messages of a session. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). Repeating is safe.
    pub async fn clear_session(&self, session: &SessionId) -> Result<(), Error> {
        let clear = || self.store.clear_session(&self.app, session, None);
        self.write_idempotent("clear", clear).await
    }

    /// Waits until the ends of all claims handed over so far are done: call it after the server stopped.
    ///
    /// The handle stays usable.
    pub async fn flush(&self) {
        self.settler.flush().await;
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Gives the handle for use on the calling thread's runtime alone.
    #[cfg(feature = "web")]
    pub(crate) fn for_current_runtime(&self) -> Self {
        let store = Arc::clone(&self.shared.store).for_current_runtime();
        let calls = self.shared.calls.clone();
        Self {
            settler: self.settler.for_current_runtime(Arc::clone(&store), calls),
            store,
            changes: self.page_changes(),
            ..self.clone()
        }
    }

    /// Gives the handle that any runtime may use.
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
            .field("policy", &self.shared.config)
            .finish()
    }
}
