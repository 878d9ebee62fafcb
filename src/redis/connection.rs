//! One connection, dialled when needed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::{Cmd, Value};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::backoff::jitter;
use crate::redis::classify;
use crate::redis::classify::Failure;
use crate::redis::in_flight::{InFlight, StallPolicy};
use crate::redis::raw::RawConnection;
use crate::redis::{Connector, Idempotency, Request, reply, retry};
use crate::{Error, runtime};

/// Longest rest after a failed attempt, doubled by each further one up to the second: a server that is down
/// is not hammered. How long exactly is left to chance, so that the processes of a site do not come at once.
const INITIAL_BACKOFF: Duration = Duration::from_millis(25);
const MAX_BACKOFF: Duration = Duration::from_millis(150);
/// How long some requests wait before their connection is thought to be dead, where making it took less than
/// half of that.
const STALL_TIMEOUT: Duration = Duration::from_millis(80);
const MAX_STALL_TIMEOUT: Duration = Duration::from_millis(300);
/// How long a connection to a Cluster serves at least before it is made anew: one server in trouble must not
/// make all of them busy with greetings.
const MIN_LIFETIME: Duration = Duration::from_millis(250);

/// How long keys are followed that are on their way to another server: longer than any page waits, and not for
/// ever where an operator has left a slot open.
const SLOT_MIGRATION_TIMEOUT: Duration = Duration::from_millis(500);

/// One multiplexed connection. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    connector: Connector,
    /// Whether everything runs on Salver's own thread; else on the runtime of the caller, always the same.
    on_background_runtime: bool,
    /// A plain lock: held to look and to note, never across an await.
    state: Arc<Mutex<State>>,
}

/// A connection, with a number by which only the one that broke is hung up.
#[derive(Clone)]
struct OpenConnection {
    epoch: u64,
    since: Instant,
    raw: RawConnection,
    stall_policy: StallPolicy,
}

type ConnectFuture = Shared<BoxFuture<'static, Result<OpenConnection, Error>>>;

#[derive(Default)]
struct State {
    /// How many connections there have been.
    epoch: u64,
    open: Option<OpenConnection>,
    connecting: Option<ConnectFuture>,
    failures: u32,
    backoff: Option<(Instant, Error)>,
    /// Who waits on the connection that is open.
    in_flight: InFlight,
}

/// A request on its way, until it is answered or given up.
struct InFlightGuard<'a> {
    connection: &'a Connection,
    raw: RawConnection,
    /// The number of the connection, and its own.
    epoch: u64,
    request_id: u64,
    is_answered: bool,
}

impl InFlightGuard<'_> {
    /// Ends it with its answer; gives the number of the connection.
    fn finish(mut self) -> u64 {
        self.is_answered = true;
        self.epoch
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        let state = &mut *self.connection.state();
        let open = state.open.as_mut();
        let Some(open) = open.filter(|open| open.epoch == self.epoch) else {
            return;
        };
        let waited = state
            .in_flight
            .finish(self.request_id, self.is_answered, open.stall_policy);
        if self.is_answered && waited < STALL_TIMEOUT / 2 {
            // However long it took to make it.
            open.stall_policy.timeout = STALL_TIMEOUT;
        }
        let policy = open.stall_policy;
        // Of a Cluster the next request sees to it: making a connection beside the one that is there takes a runtime.
        if !self.is_answered && !policy.multiple_servers && state.in_flight.is_stalled(policy) {
            self.connection.close(state, self.epoch);
        }
    }
}

impl Connection {
    /// Makes a line whose work runs on Salver's own thread, for callers on any runtime.
    pub(crate) fn on_background_runtime(connector: Connector) -> Self {
        Self {
            connector,
            on_background_runtime: true,
            state: Arc::default(),
        }
    }

    /// Makes a line of its own on the calling runtime: no other thread between request and socket.
    pub(crate) fn for_current_runtime(&self) -> Self {
        Self {
            connector: self.connector.clone(),
            on_background_runtime: false,
            state: Arc::default(),
        }
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Tells whether the keys of different sessions may be on different servers.
    pub(crate) fn is_cluster(&self) -> bool {
        #[cfg(feature = "cluster")]
        let is_cluster = matches!(self.connector, Connector::Cluster(_));
        #[cfg(not(feature = "cluster"))]
        let is_cluster = false;
        is_cluster
    }

    /// Runs a script and gives the parts of its reply after the first, which names the key that was asked
    /// for. Waits without end: the caller sets the deadline.
    ///
    /// A request whose connection turns out to be broken is sent once more over a new one, unless it must
    /// not be asked for twice.
    pub(crate) async fn execute(&self, request: &Request) -> Result<Vec<Value>, Error> {
        if in_tokio_runtime() {
            return self.execute_here(request).await;
        }
        let (connection, request) = (self.clone(), request.clone());
        run_in_background(async move { connection.execute_here(&request).await }).await
    }

    /// Sends a command about a server as a whole, which changes nothing: of a Cluster to the primary of that
    /// number, counted from 0. Nothing when there are fewer.
    pub(crate) async fn execute_on_node(
        &self,
        node: usize,
        command: Cmd,
    ) -> Result<Option<Value>, Error> {
        match in_tokio_runtime() {
            true => self.clone().send_command(node, command).await,
            false => run_in_background(self.clone().send_command(node, command)).await,
        }
    }

    async fn send_command(self, node: usize, command: Cmd) -> Result<Option<Value>, Error> {
        let mut sent = self.acquire().await?;
        let reply = sent.raw.execute_on_node(node, &command).await;
        let epoch = sent.finish();
        reply.map_err(|error| {
            self.handle_failure(
                epoch,
                classify::classify_reply(error, Idempotency::ReadOnly),
            )
            .error
        })
    }

    async fn execute_here(&self, request: &Request) -> Result<Vec<Value>, Error> {
        retry::with_retry(SLOT_MIGRATION_TIMEOUT, || self.attempt(request)).await
    }

    /// The outer error is of the line, the inner one of the request.
    async fn attempt(&self, request: &Request) -> Result<Result<Vec<Value>, Failure>, Error> {
        let mut sent = self.acquire().await?;
        let reply = sent.raw.run(request).await;
        let answer = reply::parse_reply(&sent.raw, request, reply);
        let epoch = sent.finish();
        Ok(answer.map_err(|failure| self.handle_failure(epoch, failure)))
    }

    /// Hangs up where a verdict says so.
    fn handle_failure(&self, epoch: u64, failure: Failure) -> Failure {
        if failure.close_connection {
            self.close(&mut self.state(), epoch);
        }
        failure
    }

    fn close(&self, state: &mut State, epoch: u64) {
        if self.is_cluster() {
            self.reconnect_in_background(state, epoch);
        } else if state.open.take_if(|open| open.epoch == epoch).is_some() {
            state.in_flight = InFlight::default();
        }
    }

    /// Makes a connection to a Cluster anew beside the one that is there, which goes on for those servers
    /// that are well until it is replaced.
    fn reconnect_in_background(&self, state: &mut State, epoch: u64) {
        let due =
            |open: &OpenConnection| open.epoch == epoch && open.since.elapsed() >= MIN_LIFETIME;
        if state.connecting.is_none() && state.open.as_ref().is_some_and(due) {
            state.connecting = Some(self.connect());
        }
    }

    /// Gives the connection for a request that is sent now. One whose peer is thought to have vanished is left to
    /// those that wait on it, and another dialled.
    async fn acquire(&self) -> Result<InFlightGuard<'_>, Error> {
        let connecting = {
            let mut state = self.state();
            if let Some(open) = &state.open
                && state.in_flight.is_stalled(open.stall_policy)
            {
                let epoch = open.epoch;
                self.close(&mut state, epoch);
            }
            if let Some(open) = state.open.clone() {
                return Ok(self.begin_request(open, &mut state));
            }
            match &state.backoff {
                Some((until, error)) if *until > Instant::now() => return Err(error.clone()),
                _ => state
                    .connecting
                    .get_or_insert_with(|| self.connect())
                    .clone(),
            }
        };
        let open = connecting.await?;
        Ok(self.begin_request(open, &mut self.state()))
    }

    fn begin_request(&self, open: OpenConnection, state: &mut State) -> InFlightGuard<'_> {
        InFlightGuard {
            connection: self,
            raw: open.raw,
            epoch: state.epoch,
            request_id: state.in_flight.begin(),
            is_answered: false,
        }
    }

    /// Dials on a task of its own: a page that stops waiting must not stop the dialling.
    fn connect(&self) -> ConnectFuture {
        let connection = self.clone();
        let connecting = async move {
            let started = Instant::now();
            let connected = connection.connector.connect().await;
            connection.record_connect(connected, started.elapsed())
        };
        let task = match self.on_background_runtime {
            true => runtime::spawn(connecting),
            false => Ok(tokio::spawn(connecting)),
        };
        let connection = self.clone();
        let connected = async move {
            let broken = |_| Error::unavailable("the connection attempt was aborted");
            let failed = match task {
                Ok(task) => match task.await {
                    Ok(connected) => return connected,
                    Err(gone) => broken(gone),
                },
                Err(error) => error,
            };
            connection.record_connect(Err(failed), Duration::ZERO)
        };
        connected.boxed().shared()
    }

    /// Notes what came of dialling and how long it took, and passes it on.
    fn record_connect(
        &self,
        connected: Result<RawConnection, Error>,
        took: Duration,
    ) -> Result<OpenConnection, Error> {
        let mut state = self.state();
        state.connecting = None;
        match connected {
            Ok(raw) => {
                state.epoch += 1;
                state.failures = 0;
                state.backoff = None;
                state.in_flight = InFlight::default();
                let open = OpenConnection {
                    epoch: state.epoch,
                    since: Instant::now(),
                    raw,
                    stall_policy: StallPolicy {
                        timeout: STALL_TIMEOUT.max(took * 2).min(MAX_STALL_TIMEOUT),
                        multiple_servers: self.is_cluster(),
                    },
                };
                state.open = Some(open.clone());
                Ok(open)
            }
            Err(error) => {
                let longest = INITIAL_BACKOFF * 2_u32.saturating_pow(state.failures.min(8));
                state.failures += 1;
                let backoff = jitter(longest.min(MAX_BACKOFF));
                state.backoff = Some((Instant::now() + backoff, error.clone()));
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here is half-changed when a panic strikes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether the caller is on a runtime that can wait for a time.
fn in_tokio_runtime() -> bool {
    Handle::try_current().is_ok()
}

/// Runs a request on Salver's own thread, for callers on no runtime.
async fn run_in_background<T: Send + 'static>(
    call: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let task = runtime::spawn(call)?.await;
    task.unwrap_or_else(|_| Err(Error::in_doubt("the request was aborted")))
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("dialer", &self.connector)
            .field("at_home", &self.on_background_runtime)
            .finish_non_exhaustive()
    }
}
