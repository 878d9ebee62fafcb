//! How the handle asks its store: through the breaker, within a budget, on a task of its own where the answer
//! must not be lost.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Hold, Salver};
use crate::{Context, Error, home};

/// How long a claim that its page no longer waits for is itself waited for, to give it back.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);

fn unanswered() -> Error {
    Error::unavailable("the store did not answer in time")
}

fn in_doubt() -> Error {
    Error::in_doubt("the store did not answer in time")
}

impl Salver {
    /// Asks for something that changes nothing.
    pub(super) async fn read<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let budget = self.policy().add_budget;
        self.call(doing, budget, unanswered, call).await
    }

    /// Asks for a change: without an answer it is in doubt.
    pub(super) async fn write<T>(
        &self,
        doing: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let budget = self.policy().add_budget;
        self.call(doing, budget, in_doubt, call).await
    }

    /// Claims on a task of its own and waits for at most `budget`; whoever stops waiting gives back.
    pub(crate) async fn hold(
        &self,
        contexts: Vec<Context>,
        budget: Duration,
    ) -> Result<Hold, Error> {
        let claimed = async {
            let (send, receive) = oneshot::channel();
            let salver = self.clone();
            let claim = async move {
                let policy = salver.policy();
                let claim = salver
                    .store
                    .claim(&contexts, policy.lease, policy.limits.age);
                let claim = within(CLAIM_PATIENCE, claim, unanswered).await;
                // Nobody waits any more: the hold in the error is dropped, and so released.
                let _ = send.send(claim.map(|claim| Hold::new(&salver, claim)));
            };
            match Handle::try_current() {
                Ok(here) => drop(here.spawn(claim)),
                Err(_) => drop(home::spawn(claim)?),
            }
            let gone = |_| Error::unavailable("the runtime of the claim has ended");
            receive.await.map_err(gone)?
        };
        self.call("claim", budget, unanswered, claimed).await
    }

    async fn call<T>(
        &self,
        doing: &'static str,
        budget: Duration,
        late: fn() -> Error,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let guarded = async {
            let pass = self.shared.breaker.enter()?;
            let outcome = within(budget, call, late).await;
            pass.note(&outcome);
            outcome
        };
        guarded.await.map_err(|error| error.during(doing))
    }
}

async fn within<T>(
    budget: Duration,
    call: impl Future<Output = Result<T, Error>>,
    late: fn() -> Error,
) -> Result<T, Error> {
    if Handle::try_current().is_ok() {
        return timeout(budget, call).await.unwrap_or_else(|_| Err(late()));
    }
    // No tokio here: the time is taken on Salver's own thread.
    let bell = home::spawn(async move { tokio::time::sleep(budget).await })?;
    match select(pin!(call), bell).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(late()),
    }
}
