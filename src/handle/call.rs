//! How the handle asks its store: through the breaker, within a budget.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use crate::handle::claim_future::Claiming;
use crate::handle::{Hold, Salver};
use crate::telemetry;
use crate::telemetry::Since;
use crate::{Context, Error, runtime};

/// Longest look at the state of a store.
const CHECK_PATIENCE: Duration = Duration::from_secs(2);
/// Which share of its budget a write may take before it is sent again: 100 ms of 250.
const FIRST: f64 = 0.4;

pub(crate) fn unanswered() -> Error {
    Error::unavailable("the store did not answer in time")
}

fn in_doubt() -> Error {
    Error::in_doubt("the store did not answer in time")
}

impl Salver {
    /// Asks for something that changes nothing.
    pub(crate) async fn read<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let budget = self.policy().add_budget;
        self.read_slowly(doing, budget, call).await
    }

    /// Asks for something for which nobody waits, with a budget of its own.
    pub(crate) async fn read_slowly<T>(
        &self,
        doing: &'static str,
        budget: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call(doing, within(budget, call, unanswered)).await
    }

    /// Asks for a change that must not be asked for twice: without an answer it is in doubt.
    pub(crate) async fn write_once<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let budget = self.policy().add_budget;
        self.write_slowly(doing, budget, call).await
    }

    /// Asks for a change for which nobody waits, with a budget of its own.
    pub(crate) async fn write_slowly<T>(
        &self,
        doing: &'static str,
        budget: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call(doing, within(budget, call, in_doubt)).await
    }

    /// Asks for a change that is the same done twice as once: without an answer it is asked for once more,
    /// with the same bytes, in what is left of the budget.
    pub(crate) async fn write<T, F: Future<Output = Result<T, Error>>>(
        &self,
        doing: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, Error> {
        let (budget, started) = (self.policy().add_budget, Instant::now());
        let twice = async {
            let first = within(budget.mul_f64(FIRST), call(), in_doubt).await;
            let left = budget.saturating_sub(started.elapsed());
            match first {
                Err(error) if error.is_in_doubt() && !left.is_zero() => {
                    telemetry::told(&error);
                    match within(left, call(), in_doubt).await {
                        // What the first attempt may have done is not undone; a session that is closed has
                        // taken it along.
                        Err(second) if !second.is_in_doubt() && !second.is_closed() => Err(error),
                        second => second,
                    }
                }
                first => first,
            }
        };
        self.call(doing, twice).await
    }

    /// Claims and waits for at most `budget`; what is claimed later is given back.
    pub(crate) async fn hold(
        &self,
        contexts: Vec<Context>,
        budget: Duration,
    ) -> Result<Hold, Error> {
        let claiming = Claiming::new(self, contexts);
        self.call("claim", within(budget, claiming, unanswered))
            .await
    }

    /// Claims for a page, which goes out without messages when the store is in trouble: counted.
    #[cfg(feature = "web")]
    pub(crate) async fn hold_for_page(
        &self,
        contexts: Vec<Context>,
        budget: Duration,
    ) -> Result<Hold, Error> {
        let since = Since::now();
        let held = self.hold(contexts, budget).await;
        telemetry::page(&self.app, since, held.is_err());
        held
    }

    /// Claims for a script in a page that is open: it waits as long as an add does.
    #[cfg(feature = "web")]
    pub(crate) async fn hold_for_script(&self, contexts: Vec<Context>) -> Result<Hold, Error> {
        self.hold(contexts, self.policy().add_budget).await
    }

    async fn call<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let span = telemetry::span(doing, &self.app);
        let guarded = async {
            let pass = self.shared.breaker.enter()?;
            let since = Since::now();
            let outcome = call.await;
            telemetry::call(doing, since, &outcome);
            pass.note(&outcome);
            if outcome.as_ref().err().is_none_or(Error::is_denied) {
                self.check_once();
            }
            outcome
        };
        let outcome = guarded.instrument(span).await;
        outcome.map_err(|error| error.during(doing))
    }

    /// Looks once, when the store first answers, for what is wrong with it, and says so in words.
    fn check_once(&self) {
        if self.shared.checked.set(()).is_err() {
            return;
        }
        let (store, app) = (Arc::clone(&self.shared.store), Arc::clone(&self.app));
        let check = async move {
            let found = within(CHECK_PATIENCE, store.check(&app), unanswered).await;
            for finding in found.into_iter().flatten() {
                tracing::warn!("the store: {finding}");
            }
        };
        // Without a thread there is nobody to look: whatever is wrong is met by the calls themselves.
        let _ = runtime::spawn(check);
    }
}

pub(crate) async fn within<T>(
    budget: Duration,
    call: impl Future<Output = Result<T, Error>>,
    late: fn() -> Error,
) -> Result<T, Error> {
    if Handle::try_current().is_ok() {
        return timeout(budget, call).await.unwrap_or_else(|_| Err(late()));
    }
    // No tokio here: the time is taken on Salver's own thread.
    let bell = runtime::spawn(async move { tokio::time::sleep(budget).await })?;
    match select(pin!(call), bell).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(late()),
    }
}
