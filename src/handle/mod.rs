//! The handle: a store, an application's name and a policy.

mod builder;
mod call;
mod claim_future;
mod claim_guard;
mod health;
mod listen;
mod migrate;
mod stats;
mod sweep;

use std::fmt;
use std::sync::{Arc, OnceLock};

#[cfg(feature = "web")]
use futures_util::future::try_join_all;

#[cfg(feature = "web")]
use crate::MessageId;
use crate::breaker::Breaker;
use crate::config::Policy;
use crate::context::{IntoView, check_app};
use crate::settlement::Settle;
use crate::store::{Claim, Doorbell, HOPS, Placed, Store, Which};
use crate::{Context, Error, Message, SessionId, View, telemetry, wire};

pub use self::builder::SalverBuilder;
pub(crate) use self::claim_guard::Hold;
pub use self::health::{Health, PendingIndex};

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
    app: Arc<str>,
    shared: Arc<Shared>,
    /// The shared store, or on an actix worker that worker's own connection to it.
    store: Arc<dyn Store>,
    settle: Settle,
    /// How many replicas have to have an add.
    replicas: u32,
    /// On an actix worker what is known without asking, of this application alone.
    bell: Option<Arc<Doorbell>>,
}

struct Shared {
    store: Arc<dyn Store>,
    policy: Policy,
    breaker: Arc<Breaker>,
    /// Set when the store has been looked at.
    checked: OnceLock<()>,
    /// Places for moves that are in doubt.
    #[cfg(feature = "web")]
    moving: Arc<tokio::sync::Semaphore>,
}

/// What an add did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Added {
    /// How many messages were taken; those below the minimum level are not.
    pub messages: usize,
    /// How many older messages went to make room. The page says "and N more".
    pub displaced: u64,
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
            policy: Policy::default(),
        }
    }

    /// Gives a handle for another application on the same store.
    ///
    /// # Errors
    ///
    /// As [`memory`](Self::memory).
    pub fn app(&self, name: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            app: check_app(name)?,
            bell: None,
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
    pub fn name(&self) -> &str {
        &self.app
    }

    /// Puts an address of this application together.
    ///
    /// # Errors
    ///
    /// As [`View::new`](crate::View::new).
    pub fn context(&self, session: SessionId, view: impl IntoView) -> Result<Context, Error> {
        Ok(self.address(session, view.into_view()?))
    }

    pub(crate) fn address(&self, session: SessionId, view: View) -> Context {
        Context::checked(Arc::clone(&self.app), session, view)
    }

    /// Adds one message. One round trip.
    ///
    /// Once it returns, every later look of an eligible page of that context finds the message, until it
    /// is confirmed, retracted, replaced by its tag, expired, cleared or displaced. Follows a session that
    /// moved at a login. Adding the same message again is safe: it never makes two and ends no lease.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) before any round trip; [`is_full`](Error::is_full);
    /// [`is_closed`](Error::is_closed) after a logout; [`is_unavailable`](Error::is_unavailable): nothing
    /// was applied; [`is_in_doubt`](Error::is_in_doubt): it may have been.
    ///
    /// # Cancel safety
    ///
    /// Dropped halfway, the message may have been added, whole.
    pub async fn add(&self, context: &Context, message: Message) -> Result<Added, Error> {
        self.add_all(context, vec![message]).await
    }

    /// Adds several messages to one context, all or none. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// As [`add`](Self::add).
    pub async fn add_all(&self, context: &Context, messages: Vec<Message>) -> Result<Added, Error> {
        self.add_within(context, &messages, HOPS).await
    }

    /// Adds to exactly this session: an old cookie must not write into a new session.
    #[cfg(feature = "web")]
    pub(crate) async fn add_here(
        &self,
        context: &Context,
        message: Message,
    ) -> Result<Added, Error> {
        self.add_within(context, &[message], 1).await
    }

    /// Adds, trying at most so many ids of a session that moved.
    async fn add_within(
        &self,
        context: &Context,
        messages: &[Message],
        hops: usize,
    ) -> Result<Added, Error> {
        let mut context = context.clone();
        for _ in 0..hops {
            match self.place(&context, messages).await? {
                (Placed::Moved(session), _) => context = context.with_session(session),
                (Placed::Here { displaced }, messages) => {
                    return Ok(Added {
                        messages,
                        displaced,
                    });
                }
            }
        }
        Err(Error::closed().during("add"))
    }

    async fn place(
        &self,
        context: &Context,
        messages: &[Message],
    ) -> Result<(Placed, usize), Error> {
        let policy = self.policy();
        for message in messages {
            // Encoding is the one check of the size of the whole; it costs less than a round trip.
            wire::encode(message).map_err(|error| error.during("add"))?;
            // When its time comes it must not be too old at once: a page may take a lease to show it.
            let latest = policy.limits.age.saturating_sub(policy.lease);
            if !message.delay().is_zero() && message.delay() > latest {
                let problem = "is beyond the age limit less the lease";
                return Err(Error::invalid("after", problem).during("add"));
            }
        }
        let loud = messages.iter().filter(|message| self.is_loud(message));
        let loud: Vec<_> = loud.cloned().collect();
        if loud.is_empty() {
            return Ok((Placed::Here { displaced: 0 }, 0));
        }
        let mut limits = policy.limits;
        limits.replicas = self.replicas;
        // Within the first attempt, so that "too few" is answered and not guessed.
        limits.within = policy.add_budget / 3;
        let add = || self.store.add(context, &loud, &limits);
        let placed = self.write("add", add).await?;
        if let Placed::Here { displaced } = placed {
            telemetry::added(&self.app, loud.len() as u64);
            telemetry::displaced(&self.app, displaced);
        }
        Ok((placed, loud.len()))
    }

    /// Reads what a page of this context would show, its own and that of
    /// [`View::ANY`](crate::View::ANY), and changes nothing. One round trip.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`](Error::is_unavailable), [`is_denied`](Error::is_denied),
    /// [`is_unreadable`](Error::is_unreadable).
    pub async fn peek(&self, context: &Context) -> Result<Vec<Message>, Error> {
        let contexts = context.looked_into();
        let peek = self.store.peek(&contexts, self.policy().limits.age);
        Ok(self.read("peek", peek).await?.messages)
    }

    /// Counts what is pending in exactly this context. One round trip.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub async fn count(&self, context: &Context) -> Result<usize, Error> {
        let context = std::slice::from_ref(context);
        let peek = self.store.peek(context, self.policy().limits.age);
        Ok(self.read("count", peek).await?.messages.len())
    }

    /// Lists the contexts of a session on which something is pending. One round trip.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub async fn contexts(&self, session: &SessionId) -> Result<Vec<Context>, Error> {
        let views = self.read("contexts", self.store.contexts(&self.app, session));
        let address = |view| self.address(session.clone(), view);
        Ok(views.await?.into_iter().map(address).collect())
    }

    /// Reads what a page of this context would show and hides it from every other look for the lease.
    ///
    /// [`confirm`](Self::confirm) it when it was shown, [`release`](Self::release) it when it was not. If
    /// neither happens the messages come back when the lease ends.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    ///
    /// # Cancel safety
    ///
    /// Dropped halfway, what it claims is released at once.
    pub async fn claim(&self, context: &Context) -> Result<Claim, Error> {
        let contexts = context.looked_into();
        let hold = self.hold(contexts, self.policy().add_budget).await?;
        Ok(hold.into_claim())
    }

    /// Ends a claim: shown, never again. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). When in doubt, confirm again or let the lease decide.
    pub async fn confirm(&self, claim: &Claim) -> Result<(), Error> {
        self.write("confirm", || self.store.confirm(claim)).await?;
        telemetry::shown(&self.app, claim.messages().len() as u64);
        telemetry::confirmed(&self.app, claim.messages().len() as u64);
        Ok(())
    }

    /// Takes a page's word that it shows messages: never again, whoever holds them. One round trip.
    #[cfg(feature = "web")]
    pub(crate) async fn confirm_by_ids(
        &self,
        context: &Context,
        ids: Vec<MessageId>,
    ) -> Result<(), Error> {
        let (contexts, which) = (context.looked_into(), Which::Ids(ids));
        let confirms = contexts
            .iter()
            .map(|context| self.write("confirm", || self.store.retract(context, &which)));
        let removed: u64 = try_join_all(confirms).await?.into_iter().sum();
        telemetry::shown(&self.app, removed);
        telemetry::confirmed(&self.app, removed);
        Ok(())
    }

    /// Ends a claim: not shown, give it back. One round trip, never repeated.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). When in doubt, the lease decides.
    pub async fn release(&self, claim: Claim) -> Result<(), Error> {
        self.write_once("release", self.store.release(&claim))
            .await?;
        telemetry::released(&self.app, claim.messages().len() as u64);
        Ok(())
    }

    /// Reads what a page of this context would show and removes it at once: shown at most once, and lost
    /// if the reader fails. Prefer [`claim`](Self::claim).
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); when in doubt, the messages may be gone.
    ///
    /// # Cancel safety
    ///
    /// None: dropped halfway, the messages may be gone.
    pub async fn take(&self, context: &Context) -> Result<Vec<Message>, Error> {
        let contexts = context.looked_into();
        let take = self.store.take(&contexts, self.policy().limits.age);
        let found = self.write_once("take", take).await?;
        telemetry::met(&self.app, &found);
        telemetry::shown(&self.app, found.messages.len() as u64);
        Ok(found.messages)
    }

    /// Removes messages of exactly this context, by tag or ids; tells how many. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). Repeating is safe.
    pub async fn retract(&self, context: &Context, which: impl Into<Which>) -> Result<u64, Error> {
        let which = which.into();
        if let Which::Tag(tag) = &which {
            crate::message::check_tag(tag).map_err(|error| error.during("retract"))?;
        }
        self.write("retract", || self.store.retract(context, &which))
            .await
    }

    /// Removes all messages of exactly this context. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). Repeating is safe.
    pub async fn clear(&self, context: &Context) -> Result<(), Error> {
        self.write("clear", || self.store.clear(context)).await
    }

    /// Removes all messages of a session. One round trip.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). Repeating is safe.
    pub async fn clear_session(&self, session: &SessionId) -> Result<(), Error> {
        let clear = || self.store.clear_session(&self.app, session, None);
        self.write("clear", clear).await
    }

    /// Removes all messages of a session and refuses further adds to it: a logout. One round trip.
    ///
    /// For the expiry (1 hour by default) adds fail with [`Error::is_closed`].
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add). Repeating is safe.
    pub async fn forget(&self, session: &SessionId) -> Result<(), Error> {
        let period = Some(self.policy().limits.expiry);
        let clear = || self.store.clear_session(&self.app, session, period);
        self.write("forget", clear).await
    }

    /// Carries all messages of a session to a new id: a login. One round trip.
    ///
    /// The old id shows nothing from then on; adds to it follow to the new one for the expiry (1 hour by
    /// default).
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); [`is_closed`](Error::is_closed) when the old session was closed or has moved
    /// elsewhere. Repeating is safe.
    pub async fn migrate(&self, from: &SessionId, to: &SessionId) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        self.migrate_to(from, to, true).await
    }

    /// Waits until the ends of all claims handed over so far are done: call it after the server stopped.
    ///
    /// The handle stays usable.
    pub async fn close(&self) {
        self.settle.drain().await;
    }

    pub(crate) fn is_loud(&self, message: &Message) -> bool {
        message.level() >= self.policy().minimum
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    /// Gives the handle for use on the calling thread's runtime alone.
    #[cfg(feature = "web")]
    pub(crate) fn worker(&self) -> Self {
        let store = Arc::clone(&self.shared.store).worker();
        let breaker = Arc::clone(&self.shared.breaker);
        Self {
            settle: self.settle.here(Arc::clone(&store), breaker),
            store,
            bell: self.bell_of_pages(),
            ..self.clone()
        }
    }

    /// Gives the handle that any runtime may use.
    #[cfg(feature = "web")]
    pub(crate) fn anywhere(&self) -> Self {
        Self {
            store: Arc::clone(&self.shared.store),
            settle: self.settle.anywhere(),
            ..self.clone()
        }
    }
}

impl fmt::Debug for Salver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Salver")
            .field("app", &self.app)
            .field("store", &self.store)
            .field("policy", &self.shared.policy)
            .finish()
    }
}
