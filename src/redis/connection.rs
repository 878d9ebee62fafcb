//! One connection, opened on demand.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ::redis::{Cmd, Value};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::redis::classify;
use crate::redis::classify::Failure;
use crate::redis::connect::Connector;
use crate::redis::in_flight::{InFlight, StallPolicy};
use crate::redis::raw_connection::RawConnection;
use crate::redis::{Idempotency, Request, reply, retry};
use crate::{Error, runtime};

/// Longest pause after the first failed connection attempt. A server that is down is not flooded.
const INITIAL_BACKOFF: Duration = Duration::from_millis(25);
/// Longest pause after any failed connection attempt. A recovered server is tried again soon.
const MAX_BACKOFF: Duration = Duration::from_millis(150);
/// How long requests wait for a reply before their connection counts as stalled. If connecting took
/// more than half of it, the timeout is twice the connect time.
const STALL_TIMEOUT: Duration = Duration::from_millis(80);
/// Upper limit of the stall timeout after a slow connect.
const MAX_STALL_TIMEOUT: Duration = Duration::from_millis(300);
/// Minimum age of a Cluster connection before it is replaced. One failing node must not keep the
/// other nodes busy with new handshakes.
const MIN_LIFETIME: Duration = Duration::from_millis(250);

/// How long a request is retried while its keys migrate to another server. Longer than any page
/// waits. Bounded, because an operator may have left a migration unfinished.
pub(super) const SLOT_MIGRATION_TIMEOUT: Duration = Duration::from_millis(500);

/// One multiplexed connection. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    connector: Connector,
    /// Whether all tasks run on the background runtime. Otherwise they run on the runtime of the
    /// caller, which is always the same one.
    on_background_runtime: bool,
    /// A standard mutex: locked only to read and update the state, never across an `.await`.
    state: Arc<Mutex<State>>,
}

/// The connection of another runtime, while something uses it.
#[derive(Debug)]
pub(crate) struct WeakConnection(Weak<Mutex<State>>);

impl WeakConnection {
    pub(crate) fn is_used(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Returns the connection to the servers of `shared`, if it is still used.
    pub(crate) fn upgrade(&self, shared: &Connection) -> Option<Connection> {
        Some(Connection {
            connector: shared.connector.clone(),
            on_background_runtime: false,
            state: self.0.upgrade()?,
        })
    }
}

/// An established connection. Its epoch ensures that a failure closes only the connection on which
/// it happened.
#[derive(Clone)]
struct OpenConnection {
    epoch: u64,
    since: Instant,
    raw: RawConnection,
    stall_policy: StallPolicy,
}

type ConnectFuture = Shared<BoxFuture<'static, Result<OpenConnection, Error>>>;

struct State {
    /// Number of connections established so far. The open connection has this epoch.
    epoch: u64,
    open: Option<OpenConnection>,
    connecting: Option<ConnectFuture>,
    backoff: Backoff,
    /// Until when no connection attempt is made, and the error of the last one.
    paused: Option<(Instant, Error)>,
    /// Requests in flight on the open connection.
    in_flight: InFlight,
}

impl Default for State {
    fn default() -> Self {
        Self {
            epoch: 0,
            open: None,
            connecting: None,
            backoff: Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF),
            paused: None,
            in_flight: InFlight::default(),
        }
    }
}

/// A request in flight, until it receives its reply or is dropped.
pub(super) struct InFlightGuard<'a> {
    connection: &'a Connection,
    pub(super) raw: RawConnection,
    /// Epoch of the connection that carries the request.
    epoch: u64,
    request_id: u64,
    is_answered: bool,
}

impl InFlightGuard<'_> {
    /// Records the request as answered and returns the epoch of its connection.
    pub(super) fn finish(mut self) -> u64 {
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
            // A fast reply shows that the network is fast, even after a slow connect.
            open.stall_policy.timeout = STALL_TIMEOUT;
        }
        let policy = open.stall_policy;
        // A Cluster connection is replaced by the next request instead: opening a second connection
        // needs a runtime, and a drop may happen outside of one.
        if !self.is_answered && !policy.multiple_servers && state.in_flight.is_stalled(policy) {
            self.connection.close(state, self.epoch);
        }
    }
}

impl Connection {
    /// Creates a connection whose tasks run on the background runtime, for callers on any runtime.
    pub(crate) fn on_background_runtime(connector: Connector) -> Self {
        Self {
            connector,
            on_background_runtime: true,
            state: Arc::default(),
        }
    }

    /// Creates a separate connection on the calling runtime. No other thread is involved between
    /// request and socket.
    pub(crate) fn for_current_runtime(&self) -> Self {
        Self {
            connector: self.connector.clone(),
            on_background_runtime: false,
            state: Arc::default(),
        }
    }

    /// Returns whether callers on any runtime share it.
    pub(crate) fn is_shared(&self) -> bool {
        self.on_background_runtime
    }

    pub(crate) fn downgrade(&self) -> WeakConnection {
        WeakConnection(Arc::downgrade(&self.state))
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Returns whether the keys of different sessions may be on different servers.
    pub(crate) fn is_cluster(&self) -> bool {
        #[cfg(feature = "cluster")]
        let is_cluster = matches!(self.connector, Connector::Cluster(_));
        #[cfg(not(feature = "cluster"))]
        let is_cluster = false;
        is_cluster
    }

    /// Runs a script and returns the elements of its reply after the first, which names the
    /// requested key. Has no timeout: the caller sets the deadline.
    ///
    /// If the connection turns out to be broken, the request is sent once more over a new one,
    /// unless it is not idempotent.
    pub(crate) async fn execute(&self, request: &Request) -> Result<Vec<Value>, Error> {
        if runtime::is_inside_tokio() {
            return self.execute_here(request).await;
        }
        let (connection, request) = (self.clone(), request.clone());
        runtime::run(async move { connection.execute_here(&request).await }).await
    }

    /// Sends a read-only command that concerns a server as a whole. In a Cluster it goes to the
    /// primary with the number `node`, counted from 0. Returns `None` if there are fewer primaries.
    pub(crate) async fn execute_on_node(
        &self,
        node: usize,
        command: Cmd,
    ) -> Result<Option<Value>, Error> {
        match runtime::is_inside_tokio() {
            true => self.clone().send_command(node, command).await,
            false => runtime::run(self.clone().send_command(node, command)).await,
        }
    }

    async fn send_command(self, node: usize, command: Cmd) -> Result<Option<Value>, Error> {
        let mut guard = self.acquire().await?;
        let reply = guard.raw.execute_on_node(node, &command).await;
        let epoch = guard.finish();
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

    /// Sends the request once. The outer error is that of connecting, the inner one that of the
    /// request.
    async fn attempt(&self, request: &Request) -> Result<Result<Vec<Value>, Failure>, Error> {
        let mut guard = self.acquire().await?;
        let reply = guard.raw.run(request).await;
        let result = reply::parse_reply(&guard.raw, request, reply);
        let epoch = guard.finish();
        Ok(result.map_err(|failure| self.handle_failure(epoch, failure)))
    }

    /// Closes the connection if the failure requires it.
    pub(super) fn handle_failure(&self, epoch: u64, failure: Failure) -> Failure {
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

    /// Opens a new Cluster connection while the current one keeps serving the healthy nodes. The
    /// new connection then replaces it.
    fn reconnect_in_background(&self, state: &mut State, epoch: u64) {
        let due =
            |open: &OpenConnection| open.epoch == epoch && open.since.elapsed() >= MIN_LIFETIME;
        let is_paused = |(until, _): &(Instant, Error)| *until > Instant::now();
        if state.connecting.is_none()
            && !state.paused.as_ref().is_some_and(is_paused)
            && state.open.as_ref().is_some_and(due)
        {
            state.connecting = Some(self.connect());
        }
    }

    /// Returns the connection for a request that is sent now. A stalled connection is left to the
    /// requests that already wait on it, and a new one is opened.
    pub(super) async fn acquire(&self) -> Result<InFlightGuard<'_>, Error> {
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
            match &state.paused {
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
            epoch: open.epoch,
            // Another connection may have been opened since this one: its requests are counted.
            request_id: match open.epoch == state.epoch {
                true => state.in_flight.begin(),
                false => 0,
            },
            is_answered: false,
        }
    }

    /// Connects in a separate task: a page that stops waiting must not abort the attempt.
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
            let aborted = |_| Error::unavailable("the connection attempt was aborted");
            let error = match task {
                Ok(task) => match task.await {
                    Ok(connected) => return connected,
                    Err(error) => aborted(error),
                },
                Err(error) => error,
            };
            connection.record_connect(Err(error), Duration::ZERO)
        };
        connected.boxed().shared()
    }

    /// Records the result and the duration of a connection attempt, and returns the result.
    fn record_connect(
        &self,
        connected: Result<RawConnection, Error>,
        duration: Duration,
    ) -> Result<OpenConnection, Error> {
        let mut state = self.state();
        state.connecting = None;
        match connected {
            Ok(raw) => {
                state.epoch += 1;
                state.backoff.reset();
                state.paused = None;
                state.in_flight = InFlight::default();
                let open = OpenConnection {
                    epoch: state.epoch,
                    since: Instant::now(),
                    raw,
                    stall_policy: StallPolicy {
                        timeout: STALL_TIMEOUT.max(duration * 2).min(MAX_STALL_TIMEOUT),
                        multiple_servers: self.is_cluster(),
                    },
                };
                state.open = Some(open.clone());
                Ok(open)
            }
            Err(error) => {
                let until = Instant::now() + state.backoff.next_jittered();
                state.paused = Some((until, error.clone()));
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic never leaves the state half updated, so a poisoned lock is still usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("connector", &self.connector)
            .field("on_background_runtime", &self.on_background_runtime)
            .finish_non_exhaustive()
    }
}
