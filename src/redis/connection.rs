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
use crate::redis::classify::Verdict;
use crate::redis::in_flight::{Patience, Waiting};
use crate::redis::raw::Wire;
use crate::redis::{Ask, Dialer, Effect, reply};
use crate::{Error, runtime};

/// Longest rest after a failed attempt, doubled by each further one up to the second: a server that is down
/// is not hammered. How long exactly is left to chance, so that the processes of a site do not come at once.
const REST: Duration = Duration::from_millis(25);
const LONGEST_REST: Duration = Duration::from_millis(150);
/// How long some requests wait before their connection is thought to be dead, where making it took less than
/// half of that.
const SILENCE: Duration = Duration::from_millis(80);
const LONGEST_SILENCE: Duration = Duration::from_millis(300);
/// How long a connection to a Cluster serves at least before it is made anew: one server in trouble must not
/// make all of them busy with greetings.
const RENEWAL: Duration = Duration::from_millis(250);

/// How long keys are followed that are on their way to another server: longer than any page waits, and not for
/// ever where an operator has left a slot open.
const MOVING: Duration = Duration::from_millis(500);

/// One multiplexed connection. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct Line {
    dialer: Dialer,
    /// Whether everything runs on Salver's own thread; else on the runtime of the caller, always the same.
    at_home: bool,
    /// A plain lock: held to look and to note, never across an await.
    state: Arc<Mutex<State>>,
}

/// A connection, with a number by which only the one that broke is hung up.
#[derive(Clone)]
struct Open {
    number: u64,
    since: Instant,
    wire: Wire,
    patience: Patience,
}

type Dialling = Shared<BoxFuture<'static, Result<Open, Error>>>;

#[derive(Default)]
struct State {
    /// How many connections there have been.
    dialled: u64,
    open: Option<Open>,
    dialling: Option<Dialling>,
    failures: u32,
    resting: Option<(Instant, Error)>,
    /// Who waits on the connection that is open.
    waiting: Waiting,
}

/// A request on its way, until it is answered or given up.
struct Sent<'a> {
    line: &'a Line,
    wire: Wire,
    /// The number of the connection, and its own.
    connection: u64,
    request: u64,
    answered: bool,
}

impl Sent<'_> {
    /// Ends it with its answer; gives the number of the connection.
    fn answered(mut self) -> u64 {
        self.answered = true;
        self.connection
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        let state = &mut *self.line.state();
        let open = state.open.as_mut();
        let Some(open) = open.filter(|open| open.number == self.connection) else {
            return;
        };
        let waited = state
            .waiting
            .end(self.request, self.answered, open.patience);
        if self.answered && waited < SILENCE / 2 {
            // However long it took to make it.
            open.patience.silence = SILENCE;
        }
        let patience = open.patience;
        // Of a Cluster the next request sees to it: making a connection beside the one that is there takes a runtime.
        if !self.answered && !patience.many && state.waiting.is_in_vain(patience) {
            self.line.hang_up(state, self.connection);
        }
    }
}

impl Line {
    /// Makes a line whose work runs on Salver's own thread, for callers on any runtime.
    pub(crate) fn at_home(dialer: Dialer) -> Self {
        Self {
            dialer,
            at_home: true,
            state: Arc::default(),
        }
    }

    /// Makes a line of its own on the calling runtime: no other thread between request and socket.
    pub(crate) fn here(&self) -> Self {
        Self {
            dialer: self.dialer.clone(),
            at_home: false,
            state: Arc::default(),
        }
    }

    pub(crate) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Tells whether the keys of different sessions may be on different servers.
    pub(crate) fn is_cluster(&self) -> bool {
        #[cfg(feature = "cluster")]
        let is_cluster = matches!(self.dialer, Dialer::Cluster(_));
        #[cfg(not(feature = "cluster"))]
        let is_cluster = false;
        is_cluster
    }

    /// Runs a script and gives the parts of its reply after the first, which names the key that was asked
    /// for. Waits without end: the caller sets the deadline.
    ///
    /// A request whose connection turns out to be broken is sent once more over a new one, unless it must
    /// not be asked for twice.
    pub(crate) async fn ask(&self, ask: &Ask) -> Result<Vec<Value>, Error> {
        if has_clock() {
            return self.ask_here(ask).await;
        }
        let (line, ask) = (self.clone(), ask.clone());
        at_home(async move { line.ask_here(&ask).await }).await
    }

    /// Sends a command about a server as a whole, which changes nothing: of a Cluster to the primary of that
    /// number, counted from 0. Nothing when there are fewer.
    pub(crate) async fn command_at(
        &self,
        node: usize,
        command: Cmd,
    ) -> Result<Option<Value>, Error> {
        match has_clock() {
            true => self.clone().send(node, command).await,
            false => at_home(self.clone().send(node, command)).await,
        }
    }

    async fn send(self, node: usize, command: Cmd) -> Result<Option<Value>, Error> {
        let mut sent = self.connection().await?;
        let reply = sent.wire.command(node, &command).await;
        let number = sent.answered();
        reply.map_err(|error| {
            self.judge(number, classify::of_reply(error, Effect::Reads))
                .error
        })
    }

    async fn ask_here(&self, ask: &Ask) -> Result<Vec<Value>, Error> {
        reply::persist(MOVING, || self.attempt(ask)).await
    }

    /// The outer error is of the line, the inner one of the request.
    async fn attempt(&self, ask: &Ask) -> Result<Result<Vec<Value>, Verdict>, Error> {
        let mut sent = self.connection().await?;
        let reply = sent.wire.run(ask).await;
        let answer = reply::read(&sent.wire, ask, reply);
        let number = sent.answered();
        Ok(answer.map_err(|verdict| self.judge(number, verdict)))
    }

    /// Hangs up where a verdict says so.
    fn judge(&self, number: u64, verdict: Verdict) -> Verdict {
        if verdict.hang_up {
            self.hang_up(&mut self.state(), number);
        }
        verdict
    }

    fn hang_up(&self, state: &mut State, number: u64) {
        if self.is_cluster() {
            self.renew(state, number);
        } else if state.open.take_if(|open| open.number == number).is_some() {
            state.waiting = Waiting::default();
        }
    }

    /// Makes a connection to a Cluster anew beside the one that is there, which goes on for those servers
    /// that are well until it is replaced.
    fn renew(&self, state: &mut State, number: u64) {
        let due = |open: &Open| open.number == number && open.since.elapsed() >= RENEWAL;
        if state.dialling.is_none() && state.open.as_ref().is_some_and(due) {
            state.dialling = Some(self.dial());
        }
    }

    /// Gives the connection for a request that is sent now. One whose peer is thought to have vanished is left to
    /// those that wait on it, and another dialled.
    async fn connection(&self) -> Result<Sent<'_>, Error> {
        let dialling = {
            let mut state = self.state();
            if let Some(open) = &state.open
                && state.waiting.is_in_vain(open.patience)
            {
                let number = open.number;
                self.hang_up(&mut state, number);
            }
            if let Some(open) = state.open.clone() {
                return Ok(self.send_over(open, &mut state));
            }
            match &state.resting {
                Some((until, error)) if *until > Instant::now() => return Err(error.clone()),
                _ => state.dialling.get_or_insert_with(|| self.dial()).clone(),
            }
        };
        let open = dialling.await?;
        Ok(self.send_over(open, &mut self.state()))
    }

    fn send_over(&self, open: Open, state: &mut State) -> Sent<'_> {
        Sent {
            line: self,
            wire: open.wire,
            connection: state.dialled,
            request: state.waiting.send(),
            answered: false,
        }
    }

    /// Dials on a task of its own: a page that stops waiting must not stop the dialling.
    fn dial(&self) -> Dialling {
        let line = self.clone();
        let dialling = async move {
            let started = Instant::now();
            let dialled = line.dialer.dial().await;
            line.note(dialled, started.elapsed())
        };
        let task = match self.at_home {
            true => runtime::spawn(dialling),
            false => Ok(tokio::spawn(dialling)),
        };
        let line = self.clone();
        let dialled = async move {
            let broken = |_| Error::unavailable("the connection attempt was broken off");
            let failed = match task {
                Ok(task) => match task.await {
                    Ok(dialled) => return dialled,
                    Err(gone) => broken(gone),
                },
                Err(error) => error,
            };
            line.note(Err(failed), Duration::ZERO)
        };
        dialled.boxed().shared()
    }

    /// Notes what came of dialling and how long it took, and passes it on.
    fn note(&self, dialled: Result<Wire, Error>, took: Duration) -> Result<Open, Error> {
        let mut state = self.state();
        state.dialling = None;
        match dialled {
            Ok(wire) => {
                state.dialled += 1;
                state.failures = 0;
                state.resting = None;
                state.waiting = Waiting::default();
                let open = Open {
                    number: state.dialled,
                    since: Instant::now(),
                    wire,
                    patience: Patience {
                        silence: SILENCE.max(took * 2).min(LONGEST_SILENCE),
                        many: self.is_cluster(),
                    },
                };
                state.open = Some(open.clone());
                Ok(open)
            }
            Err(error) => {
                let longest = REST * 2_u32.saturating_pow(state.failures.min(8));
                state.failures += 1;
                let rest = jitter(longest.min(LONGEST_REST));
                state.resting = Some((Instant::now() + rest, error.clone()));
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
fn has_clock() -> bool {
    Handle::try_current().is_ok()
}

/// Runs a request on Salver's own thread, for callers on no runtime.
async fn at_home<T: Send + 'static>(
    asking: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let asked = runtime::spawn(asking)?.await;
    asked.unwrap_or_else(|_| Err(Error::in_doubt("the request was broken off")))
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("dialer", &self.dialer)
            .field("at_home", &self.at_home)
            .finish_non_exhaustive()
    }
}
