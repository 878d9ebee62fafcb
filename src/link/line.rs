//! One connection, dialled when needed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, Script, Value};
use tokio::time::Instant;

use super::{Dialer, fault};
use crate::{Error, home};

/// Rest after a failed attempt, doubled by each further one: a server that is down is not hammered, and
/// pages fail at once instead of each waiting for an attempt of its own.
const REST: Duration = Duration::from_millis(50);
/// Longest rest: how late a server that came back may be noticed.
const LONGEST_REST: Duration = Duration::from_millis(800);

/// What a request may change, which says what may be done when its reply is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Reads,
    /// Something, and doing it twice is the same as once.
    Writes,
    /// Something that must not be asked for twice.
    WritesOnce,
}

/// One request.
pub(crate) enum Ask {
    Command(Cmd),
    Pipeline(Pipeline),
    Script {
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<Vec<u8>>,
    },
}

/// One multiplexed connection. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct Line {
    dialer: Dialer,
    /// Whether everything runs on Salver's own thread; else on the runtime of the caller, always the same.
    at_home: bool,
    /// A plain lock: held to look and to note, never across an await.
    state: Arc<Mutex<State>>,
}

/// A connection and its number, by which only the one that broke is hung up.
type Numbered = (u64, MultiplexedConnection);
type Dialling = Shared<BoxFuture<'static, Result<Numbered, Error>>>;

#[derive(Default)]
struct State {
    /// How many connections there have been.
    dialled: u64,
    connection: Option<Numbered>,
    dialling: Option<Dialling>,
    failures: u32,
    resting: Option<(Instant, Error)>,
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

    /// Sends a request and waits for the reply. Waits without end but for the connection's own limits: the
    /// caller sets the deadline.
    ///
    /// A request whose connection turns out to be broken is sent once more over a new one, unless it must
    /// not be asked for twice.
    pub(crate) async fn ask(&self, ask: Ask, effect: Effect) -> Result<Value, Error> {
        if !self.at_home {
            return self.ask_here(&ask, effect).await;
        }
        let line = self.clone();
        let asked = home::spawn(async move { line.ask_here(&ask, effect).await })?.await;
        asked.unwrap_or_else(|_| Err(Error::in_doubt("the request was broken off")))
    }

    async fn ask_here(&self, ask: &Ask, effect: Effect) -> Result<Value, Error> {
        match self.attempt(ask).await? {
            Err(error) if fault::breaks_line(&error) && effect != Effect::WritesOnce => {
                // The first attempt may have been carried out: what comes of the second cannot undo that.
                let again = match self.attempt(ask).await {
                    Ok(reply) => reply.map_err(|error| fault::of_reply(error, effect)),
                    Err(error) => Err(error),
                };
                again.map_err(|error| match effect {
                    Effect::Reads => error,
                    _ => Error::in_doubt("the connection to Redis broke").because(error),
                })
            }
            reply => reply.map_err(|error| fault::of_reply(error, effect)),
        }
    }

    /// The outer error is of the line, the inner one of the request.
    async fn attempt(&self, ask: &Ask) -> Result<Result<Value, RedisError>, Error> {
        let (number, mut connection) = self.connection().await?;
        let reply = send(&mut connection, ask).await;
        if reply.as_ref().is_err_and(fault::breaks_line) {
            let mut state = self.state();
            state.connection.take_if(|(current, _)| *current == number);
        }
        Ok(reply)
    }

    async fn connection(&self) -> Result<Numbered, Error> {
        let dialling = {
            let mut state = self.state();
            if let Some(connection) = &state.connection {
                return Ok(connection.clone());
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
            let dialled = line.dialer.dial().await;
            line.note(dialled)
        });
        let line = self.clone();
        let broken = move |_| {
            let broken = Error::unavailable("the connection attempt was broken off");
            line.note(Err(broken))
        };
        task.map(move |dialled| dialled.unwrap_or_else(broken))
            .boxed()
            .shared()
    }

    /// Notes what came of dialling, and passes it on.
    fn note(&self, dialled: Result<MultiplexedConnection, Error>) -> Result<Numbered, Error> {
        let mut state = self.state();
        state.dialling = None;
        match dialled {
            Ok(connection) => {
                state.dialled += 1;
                state.failures = 0;
                state.resting = None;
                let connection = (state.dialled, connection);
                state.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                let rest = REST * 2_u32.saturating_pow(state.failures.min(8));
                state.failures += 1;
                state.resting = Some((Instant::now() + rest.min(LONGEST_REST), error.clone()));
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here is half-changed when a panic strikes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(connection: &mut MultiplexedConnection, ask: &Ask) -> Result<Value, RedisError> {
    match ask {
        Ask::Command(command) => command.query_async(connection).await,
        Ask::Pipeline(pipeline) => pipeline.query_async(connection).await,
        Ask::Script { script, keys, args } => {
            let mut invocation = script.prepare_invoke();
            for key in keys {
                invocation.key(key);
            }
            for arg in args {
                invocation.arg(arg.as_slice());
            }
            invocation.invoke_async(connection).await
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("dialer", &self.dialer)
            .field("at_home", &self.at_home)
            .finish_non_exhaustive()
    }
}
