//! One connection, dialled when needed.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::{Cmd, Value};
use tokio::time::{Instant, timeout};

use super::fault::{self, Verdict};
use super::wire::Wire;
use super::{Ask, Dialer, Effect, answer};
use crate::{Error, home};

/// Longest rest after a failed attempt, doubled by each further one up to the second: a server that is down
/// is not hammered. How long exactly is left to chance, so that the processes of a site do not come at once.
const REST: Duration = Duration::from_millis(25);
const LONGEST_REST: Duration = Duration::from_millis(150);
/// How long a request waits before its connection is thought to be dead, where making it took less than
/// half of that; and how many requests have to.
const SILENCE: Duration = Duration::from_millis(80);
const LONGEST_SILENCE: Duration = Duration::from_millis(300);
const SILENT: u32 = 2;
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
    /// How long a request may wait on it without being suspicious.
    silence: Duration,
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
    /// When a reply came last over the connection that is open.
    heard: Option<Instant>,
    /// How many requests have waited too long since then.
    silent: u32,
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
    /// for. Waits without end but for the connection's own limits: the caller sets the deadline.
    ///
    /// A request whose connection turns out to be broken is sent once more over a new one, unless it must
    /// not be asked for twice.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Vec<Value>, Error> {
        let line = self.clone();
        self.anywhere(async move { line.ask_here(&ask).await })
            .await
    }

    /// Sends a command about a server as a whole, which changes nothing: of a Cluster to the primary of that
    /// number, counted from 0. Nothing when there are fewer.
    pub(crate) async fn command_at(
        &self,
        node: usize,
        command: Cmd,
    ) -> Result<Option<Value>, Error> {
        self.anywhere(self.clone().send(node, command)).await
    }

    async fn send(self, node: usize, command: Cmd) -> Result<Option<Value>, Error> {
        let Open {
            number, mut wire, ..
        } = self.connection().await?;
        let reply = wire.command(node, &command).await;
        reply.map_err(|error| {
            self.judge(number, fault::of_reply(error, Effect::Reads))
                .error
        })
    }

    /// Drives a request where the connection lives.
    async fn anywhere<T: Send + 'static>(
        &self,
        asking: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        if !self.at_home {
            return asking.await;
        }
        let asked = home::spawn(asking)?.await;
        asked.unwrap_or_else(|_| Err(Error::in_doubt("the request was broken off")))
    }

    async fn ask_here(&self, ask: &Ask) -> Result<Vec<Value>, Error> {
        answer::persist(Instant::now() + MOVING, || self.attempt(ask)).await
    }

    /// The outer error is of the line, the inner one of the request.
    async fn attempt(&self, ask: &Ask) -> Result<Result<Vec<Value>, Verdict>, Error> {
        let open = self.connection().await?;
        let (number, mut wire) = (open.number, open.wire);
        let (reply, prompt) = {
            let mut asking = std::pin::pin!(wire.run(ask));
            match timeout(open.silence, &mut asking).await {
                Ok(reply) => (reply, true),
                Err(_) => {
                    self.note_silence(number, open.silence);
                    (asking.await, false)
                }
            }
        };
        let answer = answer::read(&wire, ask, reply);
        self.note_reply(number, prompt);
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
            (state.heard, state.silent) = (None, 0);
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

    /// Notes a reply. One that came late may be that of the request before, where a reply was lost on the way:
    /// it takes nothing off the suspicion.
    fn note_reply(&self, number: u64, prompt: bool) {
        let mut state = self.state();
        if state
            .open
            .as_ref()
            .is_some_and(|open| open.number == number)
        {
            state.heard = Some(Instant::now());
            // Of a Cluster another server may have answered.
            if prompt && !self.is_cluster() {
                state.silent = 0;
            }
        }
    }

    /// Notes a request that has waited too long. One may be a slow script; after some with nothing heard in
    /// between the peer is thought to have vanished, and the next request dials anew. Those that wait go on
    /// waiting.
    fn note_silence(&self, number: u64, silence: Duration) {
        let mut state = self.state();
        let current = state
            .open
            .as_ref()
            .is_some_and(|open| open.number == number);
        // Where a reply was lost on the way each request is answered by the next one's reply: heard, but not lately.
        let lately = state
            .heard
            .is_some_and(|heard| heard.elapsed() < silence / 2);
        if current && (self.is_cluster() || !lately) {
            state.silent += 1;
            if state.silent >= SILENT {
                self.hang_up(&mut state, number);
            }
        }
    }

    async fn connection(&self) -> Result<Open, Error> {
        let dialling = {
            let mut state = self.state();
            if let Some(open) = &state.open {
                return Ok(open.clone());
            }
            match &state.resting {
                Some((until, error)) if *until > Instant::now() => return Err(error.clone()),
                _ => state.dialling.get_or_insert_with(|| self.dial()).clone(),
            }
        };
        dialling.await
    }

    /// Dials on a task of its own: a page that stops waiting must not stop the dialling.
    fn dial(&self) -> Dialling {
        let line = self.clone();
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let dialled = line.dialer.dial().await;
            line.note(dialled, started.elapsed())
        });
        let line = self.clone();
        let broken = move |_| {
            let broken = Error::unavailable("the connection attempt was broken off");
            line.note(Err(broken), Duration::ZERO)
        };
        task.map(move |dialled| dialled.unwrap_or_else(broken))
            .boxed()
            .shared()
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
                (state.heard, state.silent) = (None, 0);
                let open = Open {
                    number: state.dialled,
                    since: Instant::now(),
                    wire,
                    silence: SILENCE.max(took * 2).min(LONGEST_SILENCE),
                };
                state.open = Some(open.clone());
                Ok(open)
            }
            Err(error) => {
                let longest = REST * 2_u32.saturating_pow(state.failures.min(8));
                state.failures += 1;
                let rest = by_chance(longest.min(LONGEST_REST));
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

/// Gives a time from nothing up to `longest`. ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015:
/// full jitter.)
pub(crate) fn by_chance(longest: Duration) -> Duration {
    // The standard library's hasher is seeded by chance: enough for this, and no crate more.
    let chance = RandomState::new().hash_one(0_u8);
    longest.mul_f64(chance as f64 / u64::MAX as f64)
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("dialer", &self.dialer)
            .field("at_home", &self.at_home)
            .finish_non_exhaustive()
    }
}
