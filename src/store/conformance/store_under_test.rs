//! A store on trial, and the words in which the laws speak to it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

use crate::store::{AddOutcome, Claim, Limits, ReadResult, Store};
use crate::{Context, Error, Message, MessageId, SessionId, View};

pub(crate) const APP: &str = "app";
pub(crate) const LEASE: Duration = Duration::from_secs(15);
pub(crate) const AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Short enough to be waited for, long enough not to end in the middle of a law on a busy machine.
pub(crate) const SHORT: Duration = Duration::from_millis(400);

type Done = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A store on trial, with what the laws need beside it.
///
/// Each law wants an empty store: a server, a database or a prefix of its own. What the store has to
/// outlive, such as a server, may be kept in the closures: they go when the law is over.
pub struct StoreUnderTest {
    store: Arc<dyn Store>,
    put: Box<dyn Fn(Context, Vec<u8>) -> Done + Send + Sync>,
    pass: Box<dyn Fn(Duration) -> Done + Send + Sync>,
}

impl StoreUnderTest {
    /// Puts a store on trial.
    ///
    /// `put` puts a member in beside the store, as a writer in another language would: any bytes at all,
    /// to be shown from now on, in a context that lives on for at least an hour.
    #[must_use]
    pub fn new<P>(
        store: Arc<dyn Store>,
        put: impl Fn(Context, Vec<u8>) -> P + Send + Sync + 'static,
    ) -> Self
    where
        P: Future<Output = ()> + Send + 'static,
    {
        Self {
            store,
            put: Box::new(move |context, member| Box::pin(put(context, member))),
            pass: Box::new(|time| Box::pin(tokio::time::sleep(time))),
        }
    }

    /// Sets how time passes. Default: the laws wait, a second or so at a time.
    ///
    /// For a store whose clock can be moved. It has to start at the system's time, by which messages are
    /// dated.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use salver::store::conformance::Subject;
    /// use salver::store::{Clock, MemoryStore};
    ///
    /// fn subject() -> Subject {
    ///     let clock = Clock::manual();
    ///     let store = Arc::new(MemoryStore::with_clock(clock.clone()));
    ///     let foreign = Arc::clone(&store);
    ///     let put = move |context, member: Vec<u8>| {
    ///         foreign.put_member(&context, member);
    ///         async {}
    ///     };
    ///     Subject::new(store, put).with_time(move |time| {
    ///         clock.advance(time);
    ///         async {}
    ///     })
    /// }
    ///
    /// salver::conformance_tests! { subject() }
    /// # use salver::store::conformance::{TESTS, run};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #     for law in TESTS {
    /// #         run(law, subject()).await;
    /// #     }
    /// # }
    /// ```
    #[must_use]
    pub fn with_clock<P>(mut self, pass: impl Fn(Duration) -> P + Send + Sync + 'static) -> Self
    where
        P: Future<Output = ()> + Send + 'static,
    {
        self.pass = Box::new(move |time| Box::pin(pass(time)));
        self
    }
}

impl fmt::Debug for StoreUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// What the laws say; an error of the store breaks the law, unless the law asks for it.
impl StoreUnderTest {
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) async fn put(&self, context: &Context, member: impl AsRef<[u8]>) {
        (self.put)(context.clone(), member.as_ref().to_vec()).await;
    }

    pub(crate) async fn pass(&self, time: Duration) {
        (self.pass)(time).await;
    }

    pub(crate) async fn add(&self, context: &Context, message: Message) -> AddOutcome {
        self.add_all(context, &[message]).await
    }

    pub(crate) async fn add_all(&self, context: &Context, messages: &[Message]) -> AddOutcome {
        self.add_within(&Limits::default(), context, messages).await
    }

    pub(crate) async fn add_within(
        &self,
        limits: &Limits,
        context: &Context,
        messages: &[Message],
    ) -> AddOutcome {
        self.store
            .add(context, messages, limits)
            .await
            .expect("an add that fits")
    }

    pub(crate) async fn refuses(
        &self,
        limits: &Limits,
        context: &Context,
        messages: &[Message],
    ) -> Error {
        self.store
            .add(context, messages, limits)
            .await
            .expect_err("an add that has to be refused")
    }

    pub(crate) async fn peek(&self, context: &Context) -> ReadResult {
        self.store.peek(one(context), AGE).await.expect("a peek")
    }

    pub(crate) async fn take(&self, context: &Context) -> ReadResult {
        self.store.take(one(context), AGE).await.expect("a take")
    }

    pub(crate) async fn claim(&self, context: &Context) -> Claim {
        self.claim_for(LEASE, context).await
    }

    pub(crate) async fn claim_for(&self, lease: Duration, context: &Context) -> Claim {
        self.store
            .claim(one(context), lease, AGE)
            .await
            .expect("a claim")
    }

    pub(crate) async fn confirm(&self, claim: &Claim) {
        self.store.confirm(claim).await.expect("a confirm");
    }

    pub(crate) async fn release(&self, claim: &Claim) {
        self.store.release(claim).await.expect("a release");
    }

    /// Clears a session and closes it, as a logout does.
    pub(crate) async fn close(&self, session: &SessionId, period: Duration) {
        self.store
            .clear_session(APP, session, Some(period))
            .await
            .expect("a logout");
    }

    /// Moves a session into one that is opened, as a login does.
    pub(crate) async fn migrate(&self, from: &SessionId, to: &SessionId) {
        self.migrate_within(&Limits::default(), from, to).await;
    }

    pub(crate) async fn migrate_within(&self, limits: &Limits, from: &SessionId, to: &SessionId) {
        self.store
            .migrate(APP, from, to, true, limits)
            .await
            .expect("a migrate that is allowed");
    }

    pub(crate) async fn refuses_to_migrate(
        &self,
        from: &SessionId,
        to: &SessionId,
        open: bool,
    ) -> Error {
        self.store
            .migrate(APP, from, to, open, &Limits::default())
            .await
            .expect_err("a migrate that has to be refused")
    }

    pub(crate) async fn shows(&self, context: &Context, expected: &[&str]) {
        let result = self.peek(context).await;
        assert_eq!(
            texts(&result.messages),
            expected,
            "what {} shows",
            context.key()
        );
    }
}

fn one(context: &Context) -> &[Context] {
    slice::from_ref(context)
}

pub(crate) fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// Two sessions: before and after a login, or two visitors.
pub(crate) fn sessions() -> (SessionId, SessionId) {
    (session("ada"), session("bob"))
}

pub(crate) fn at(name: &str, view: &str) -> Context {
    let view = View::try_from(view.to_owned()).unwrap();
    Context::new(APP, session(name), view).unwrap()
}

pub(crate) fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(Message::text).collect()
}

pub(crate) fn written_before(age: Duration) -> MessageId {
    let then = OffsetDateTime::now_utc() - age;
    let seconds = u64::try_from(then.unix_timestamp()).unwrap();
    let written = Timestamp::from_unix(NoContext, seconds, then.nanosecond());
    Uuid::new_v7(written).try_into().unwrap()
}
