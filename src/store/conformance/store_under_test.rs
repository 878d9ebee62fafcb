//! The store under test, and the helper functions of the tests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

use crate::store::{AddOutcome, Claim, Limits, ReadResult, Store};
use crate::wire::EncodedMessage;
use crate::{Context, Error, Message, MessageId, SessionId, View};

pub(crate) const APP: &str = "app";
pub(crate) const LEASE: Duration = Duration::from_secs(15);
pub(crate) const AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Short enough to wait for, and long enough not to end within a step of a test on a busy machine.
pub(crate) const SHORT: Duration = Duration::from_millis(400);

type Done = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A store under test, with functions to add raw members and to advance its time.
///
/// Each test needs an empty store: a server, a database or a prefix of its own. The closures can
/// own resources of the store, such as a server: they are dropped when the test ends.
pub struct StoreUnderTest {
    store: Arc<dyn Store>,
    put: Box<dyn Fn(Context, Vec<u8>) -> Done + Send + Sync>,
    advance: Box<dyn Fn(Duration) -> Done + Send + Sync>,
}

impl StoreUnderTest {
    /// Creates a store under test.
    ///
    /// `put` adds a raw member to the storage, as a writer in another language does. The member is
    /// any sequence of bytes, visible from now on, in a context that lives for at least another
    /// hour.
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
            advance: Box::new(|time| Box::pin(tokio::time::sleep(time))),
        }
    }

    /// Sets the function that advances the clock of the store. Default: the tests sleep, for about
    /// a second each time.
    ///
    /// The clock has to start at the system's time, because the ids of messages contain that time.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use salver::store::conformance::StoreUnderTest;
    /// use salver::store::{Clock, MemoryStore};
    ///
    /// fn store_under_test() -> StoreUnderTest {
    ///     let clock = Clock::manual();
    ///     let store = Arc::new(MemoryStore::with_clock(clock.clone()));
    ///     let raw = Arc::clone(&store);
    ///     let put = move |context, member: Vec<u8>| {
    ///         raw.put_member(&context, member);
    ///         async {}
    ///     };
    ///     StoreUnderTest::new(store, put).with_clock(move |time| {
    ///         clock.advance(time);
    ///         async {}
    ///     })
    /// }
    ///
    /// salver::conformance_tests! { store_under_test() }
    /// # use salver::store::conformance::{TESTS, run};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #     for name in TESTS {
    /// #         run(name, store_under_test()).await;
    /// #     }
    /// # }
    /// ```
    #[must_use]
    pub fn with_clock<P>(mut self, advance: impl Fn(Duration) -> P + Send + Sync + 'static) -> Self
    where
        P: Future<Output = ()> + Send + 'static,
    {
        self.advance = Box::new(move |time| Box::pin(advance(time)));
        self
    }
}

impl fmt::Debug for StoreUnderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreUnderTest")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// The steps of the tests. An unexpected error of the store fails the test.
impl StoreUnderTest {
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) async fn put_member(&self, context: &Context, member: impl AsRef<[u8]>) {
        (self.put)(context.clone(), member.as_ref().to_vec()).await;
    }

    pub(crate) async fn advance(&self, time: Duration) {
        (self.advance)(time).await;
    }

    pub(crate) async fn add(&self, context: &Context, message: Message) -> AddOutcome {
        self.add_all(context, &[message]).await
    }

    pub(crate) async fn add_all(&self, context: &Context, messages: &[Message]) -> AddOutcome {
        self.add_with_limits(&Limits::default(), context, messages)
            .await
    }

    pub(crate) async fn add_with_limits(
        &self,
        limits: &Limits,
        context: &Context,
        messages: &[Message],
    ) -> AddOutcome {
        self.store
            .add(context, &encode_all(messages), limits)
            .await
            .expect("the add failed")
    }

    pub(crate) async fn add_error(
        &self,
        limits: &Limits,
        context: &Context,
        messages: &[Message],
    ) -> Error {
        self.store
            .add(context, &encode_all(messages), limits)
            .await
            .expect_err("the add was not rejected")
    }

    pub(crate) async fn peek(&self, context: &Context) -> ReadResult {
        self.store
            .peek(as_slice(context), AGE)
            .await
            .expect("the peek failed")
    }

    pub(crate) async fn take(&self, context: &Context) -> ReadResult {
        self.store
            .take(as_slice(context), AGE)
            .await
            .expect("the take failed")
    }

    pub(crate) async fn claim(&self, context: &Context) -> Claim {
        self.claim_for(LEASE, context).await
    }

    pub(crate) async fn claim_for(&self, lease: Duration, context: &Context) -> Claim {
        self.store
            .claim(as_slice(context), lease, AGE)
            .await
            .expect("the claim failed")
    }

    pub(crate) async fn confirm(&self, claim: &Claim) {
        self.store.confirm(claim).await.expect("the confirm failed");
    }

    pub(crate) async fn release(&self, claim: &Claim) {
        self.store.release(claim).await.expect("the release failed");
    }

    /// Clears a session and closes it, as a logout does.
    pub(crate) async fn close(&self, session: &SessionId, period: Duration) {
        self.store
            .clear_session(APP, session, Some(period))
            .await
            .expect("the logout failed");
    }

    /// Migrates to a session that is opened if necessary, as a login does.
    pub(crate) async fn migrate(&self, from: &SessionId, to: &SessionId) {
        self.migrate_with_limits(&Limits::default(), from, to).await;
    }

    pub(crate) async fn migrate_with_limits(
        &self,
        limits: &Limits,
        from: &SessionId,
        to: &SessionId,
    ) {
        self.store
            .migrate(APP, from, to, true, limits)
            .await
            .expect("the migrate failed");
    }

    pub(crate) async fn migrate_error(
        &self,
        from: &SessionId,
        to: &SessionId,
        reopen: bool,
    ) -> Error {
        self.store
            .migrate(APP, from, to, reopen, &Limits::default())
            .await
            .expect_err("the migrate was not rejected")
    }

    pub(crate) async fn assert_visible(&self, context: &Context, expected: &[&str]) {
        let result = self.peek(context).await;
        assert_eq!(
            texts(&result.messages),
            expected,
            "visible messages of {}",
            context.key()
        );
    }
}

fn as_slice(context: &Context) -> &[Context] {
    slice::from_ref(context)
}

pub(crate) fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// Two sessions: before and after a login, or two visitors.
pub(crate) fn sessions() -> (SessionId, SessionId) {
    (session("ada"), session("bob"))
}

pub(crate) fn context(name: &str, view: &str) -> Context {
    let view = View::try_from(view.to_owned()).unwrap();
    Context::new(APP, session(name), view).unwrap()
}

pub(crate) fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(Message::text).collect()
}

/// Returns an id that was created this long ago.
pub(crate) fn id_created_before(age: Duration) -> MessageId {
    let created_at = OffsetDateTime::now_utc() - age;
    let seconds = u64::try_from(created_at.unix_timestamp()).unwrap();
    let timestamp = Timestamp::from_unix(NoContext, seconds, created_at.nanosecond());
    Uuid::new_v7(timestamp).try_into().unwrap()
}

fn encode_all(messages: &[Message]) -> Vec<EncodedMessage> {
    let encoded = messages.iter().cloned().map(EncodedMessage::new);
    encoded
        .collect::<Result<_, _>>()
        .expect("a test adds an invalid message")
}
