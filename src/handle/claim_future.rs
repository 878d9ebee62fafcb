//! The future of a claim. If it is dropped before the store replies, the background runtime waits
//! for the reply and releases the claim.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::CatchUnwind;

use crate::deadline::{read_timed_out, with_deadline};
use crate::handle::claim_guard::ClaimGuard;
use crate::handle::salver::Salver;
use crate::store::Claim;
use crate::{Context, Error, runtime, telemetry};

/// How long the background runtime waits for the reply to a dropped claim. After it the lease expires
/// the claim.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(2);

type StoreCall = Pin<Box<dyn Future<Output = Result<Claim, Error>> + Send>>;

/// A future that resolves to the claim when the store replies.
pub(crate) struct ClaimFuture<'a> {
    salver: &'a Salver,
    call: Option<CatchUnwind<AssertUnwindSafe<StoreCall>>>,
    /// Whether the call has been polled. If not, there is nothing to release.
    is_started: bool,
}

impl<'a> ClaimFuture<'a> {
    pub(crate) fn new(salver: &'a Salver, contexts: Vec<Context>) -> Self {
        let store = Arc::clone(&salver.store);
        let config = salver.config();
        let (lease, max_age) = (config.lease, config.limits.max_age);
        let call: StoreCall = Box::pin(async move { store.claim(&contexts, lease, max_age).await });
        Self {
            salver,
            // A store that panics must not break the page.
            call: Some(AssertUnwindSafe(call).catch_unwind()),
            is_started: false,
        }
    }
}

impl Future for ClaimFuture<'_> {
    type Output = Result<ClaimGuard, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<Self::Output> {
        self.is_started = true;
        let Some(call) = &mut self.call else {
            return Poll::Ready(Err(read_timed_out()));
        };
        let claimed = ready!(call.poll_unpin(cx));
        self.call = None;
        Poll::Ready(into_guard(self.salver, claimed))
    }
}

impl Drop for ClaimFuture<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take()
            && self.is_started
        {
            let salver = self.salver.clone();
            let release = async move {
                let claimed = with_deadline(ORPHAN_TIMEOUT, call.map(Ok), read_timed_out).await;
                drop(claimed.and_then(|claimed| into_guard(&salver, claimed)));
            };
            // Without the background thread, the messages become visible when the lease expires.
            let _ = runtime::spawn(release);
        }
    }
}

/// Records the skipped members and returns a guard for the claim. A panic of the store is an error.
fn into_guard(
    salver: &Salver,
    claimed: std::thread::Result<Result<Claim, Error>>,
) -> Result<ClaimGuard, Error> {
    let claim =
        claimed.unwrap_or_else(|_| Err(Error::unreadable("the reply of a store that panicked")))?;
    telemetry::record_skipped(&salver.app, &claim.result.skipped());
    Ok(ClaimGuard::new(salver, claim))
}
