//! Keeps the pending index: hears from Redis which contexts were touched.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{FutureExt, select};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::backoff::jitter;
use crate::log_limit::LogLimit;
use crate::redis::{Dialer, Listener, Listening};
use crate::store::redis::keys;
use crate::store::redis::resync::{Rhythm, Rounds};
use crate::store::{Changes, Finding, Trouble};
use crate::{Error, runtime};

/// How often the server is asked whether all has been heard.
const BEAT: Duration = Duration::from_millis(200);
/// Most marks of contexts that may have something. Bounds the memory that a site with very many visitors costs
/// each of its processes, at some 90 MiB; with more of them every page asks.
const MOST: usize = 2 << 20;
/// How many keys the server looks at for one step of a round: it serves nobody else meanwhile.
const STEP: usize = 500;
/// Longest rest after a failed attempt, doubled by each further one up to the second. How long exactly is left to
/// chance.
const REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_millis(800);
/// How long a server that refuses is left alone: somebody has to mend its rights.
const REFUSED: Duration = Duration::from_secs(30);

/// A bell, and the task that rings it while the store lives.
pub(crate) struct Tracker {
    pub(crate) bell: Arc<Changes>,
    channel: String,
    trouble: Arc<Mutex<Option<Error>>>,
    task: AbortHandle,
}

impl Tracker {
    /// Begins to listen for an application, on Salver's own thread.
    pub(crate) fn start(dialer: &Dialer, app: &str) -> Result<Self, Error> {
        let bell = Arc::new(Changes::tracked(MOST));
        let trouble = Arc::default();
        let keeper = Keeper {
            dialer: dialer.clone(),
            app: app.to_owned(),
            ear: Arc::new(Ear {
                bell: Arc::clone(&bell),
            }),
            trouble: Arc::clone(&trouble),
        };
        let task = runtime::spawn(keeper.run())?.abort_handle();
        Ok(Self {
            bell,
            channel: keys::beat(app),
            trouble,
            task,
        })
    }

    /// Tells whether somebody serves pages or watches by it: beside it and its ear.
    pub(crate) fn is_needed(&self) -> bool {
        Arc::strong_count(&self.bell) > 2
    }

    /// Tells why pages ask, if it is not for a moment alone.
    pub(crate) fn finding(&self) -> Option<Finding> {
        if self.bell.is_over_capacity() {
            let detail = format!("there are more than {MOST} contexts");
            return Some(Finding::new(Trouble::Crowded, detail));
        }
        let error = lock(&self.trouble).clone()?;
        let detail = match error.is_denied() {
            true => format!(
                "the user may not run client|tracking, subscribe, info or scan, or not use the channel {}",
                self.channel
            ),
            false => error.to_string(),
        };
        Some(Finding::new(Trouble::Silent, detail))
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker")
            .field("bell", &self.bell)
            .finish_non_exhaustive()
    }
}

/// Tells whether asking again is of no use before somebody has mended something.
fn is_refusal(error: &Error) -> bool {
    error.is_denied() || error.is_unreadable()
}

fn lock(trouble: &Mutex<Option<Error>>) -> std::sync::MutexGuard<'_, Option<Error>> {
    trouble.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears for a bell.
struct Ear {
    bell: Arc<Changes>,
}

impl Listener for Ear {
    fn changed(&self, key: &[u8]) {
        self.bell.mark_key_changed(key);
    }

    fn all_changed(&self) {
        self.bell.invalidate_all();
    }

    fn closed(&self) {
        self.bell.invalidate_all();
    }
}

struct Keeper {
    dialer: Dialer,
    app: String,
    ear: Arc<Ear>,
    trouble: Arc<Mutex<Option<Error>>>,
}

impl Drop for Keeper {
    /// Whatever ends it: nobody tells of changes any more.
    fn drop(&mut self) {
        self.ear.bell.invalidate_all();
    }
}

impl Keeper {
    async fn run(self) {
        let blind = self.ear.bell.poll_while_disconnected();
        select(pin!(self.keep_listening()), pin!(blind)).await;
    }

    async fn keep_listening(&self) {
        static TOLD: LogLimit = LogLimit::new();

        let mut rest = REST;
        loop {
            let started = Instant::now();
            let Err(error) = self.listen().await;
            rest = match started.elapsed() > LONGEST_REST {
                true => REST,
                false => (rest * 2).min(LONGEST_REST),
            };
            self.ear.bell.invalidate_all();
            let refused = is_refusal(&error);
            if refused && TOLD.allow() {
                tracing::warn!(%error, "pages ask each time: the server does not tell of changes");
            }
            *lock(&self.trouble) = Some(error);
            sleep(if refused { REFUSED } else { jitter(rest) }).await;
        }
    }

    /// Listens until the connection is of no more use.
    async fn listen(&self) -> Result<std::convert::Infallible, Error> {
        let prefix = keys::contexts_begin(&self.app);
        let channel = keys::beat(&self.app);
        let listener = Arc::clone(&self.ear);
        let listening = Listening::open(&self.dialer, &prefix, &channel, listener).await?;
        *lock(&self.trouble) = None;
        let (beat, round) = (self.beat(&listening), self.go_round(&listening));
        let (beat, round) = (pin!(beat), pin!(round));
        let replaced = pin!(listening.replaced().map(Err));
        let told = select(beat, round).map(|first| first.factor_first().0);
        select(told, replaced).await.factor_first().0
    }

    /// Makes sure that silence means that nothing happens.
    async fn beat(&self, listening: &Listening) -> Result<std::convert::Infallible, Error> {
        loop {
            let asked = self.ear.bell.now();
            // Pages ask when the answer is late. When it comes after all nothing was missed: it is waited for as long
            // as a connection waits.
            listening.beat().await?;
            self.ear.bell.record_heartbeat(asked);
            sleep(BEAT / 2 + jitter(BEAT / 2)).await;
        }
    }

    /// Goes through all keys over and over.
    async fn go_round(&self, listening: &Listening) -> Result<std::convert::Infallible, Error> {
        let pattern = keys::contexts(&self.app);
        let rounds = Rounds {
            bell: &self.ear.bell,
            rhythm: Rhythm::default(),
        };
        let step = |cursor| listening.scan(cursor, &pattern, STEP);
        rounds.go(step).await
    }
}
