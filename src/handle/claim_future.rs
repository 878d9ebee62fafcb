//! A claim on its way: who stops waiting for it leaves it to Salver's own thread, which gives it back.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::CatchUnwind;

use crate::deadline::{read_timed_out, with_deadline};
use crate::handle::claim_guard::Hold;
use crate::handle::salver::Salver;
use crate::store::Claim;
use crate::{Context, Error, runtime, telemetry};

/// How long a claim that nobody waits for any more is itself waited for, to give it back.
const PATIENCE: Duration = Duration::from_secs(2);

type Asked = Pin<Box<dyn Future<Output = Result<Claim, Error>> + Send>>;

/// Becomes the claim when the store has answered.
pub(crate) struct Claiming<'a> {
    salver: &'a Salver,
    asked: Option<CatchUnwind<AssertUnwindSafe<Asked>>>,
    /// Whether the store has been asked: else there is nothing to give back.
    begun: bool,
}

impl<'a> Claiming<'a> {
    pub(crate) fn new(salver: &'a Salver, contexts: Vec<Context>) -> Self {
        let store = Arc::clone(&salver.store);
        let policy = salver.policy();
        let (lease, age) = (policy.lease, policy.limits.age);
        let asked: Asked = Box::pin(async move { store.claim(&contexts, lease, age).await });
        Self {
            salver,
            // A store that panics must not take the page with it.
            asked: Some(AssertUnwindSafe(asked).catch_unwind()),
            begun: false,
        }
    }
}

impl Future for Claiming<'_> {
    type Output = Result<Hold, Error>;

    fn poll(mut self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<Self::Output> {
        self.begun = true;
        let Some(asked) = &mut self.asked else {
            return Poll::Ready(Err(read_timed_out()));
        };
        let claimed = ready!(asked.poll_unpin(waker));
        self.asked = None;
        Poll::Ready(hold(self.salver, claimed))
    }
}

impl Drop for Claiming<'_> {
    fn drop(&mut self) {
        if let Some(asked) = self.asked.take()
            && self.begun
        {
            let salver = self.salver.clone();
            let give_back = async move {
                let claimed = with_deadline(PATIENCE, asked.map(Ok), read_timed_out).await;
                drop(claimed.and_then(|claimed| hold(&salver, claimed)));
            };
            // Without a thread the lease decides.
            let _ = runtime::spawn(give_back);
        }
    }
}

fn hold(
    salver: &Salver,
    claimed: std::thread::Result<Result<Claim, Error>>,
) -> Result<Hold, Error> {
    let claim = claimed
        .unwrap_or_else(|_| Err(Error::unreadable("a claim, at which the store panicked,")))?;
    telemetry::record_skipped(&salver.app, &claim.found.skipped());
    Ok(Hold::new(salver, claim))
}
