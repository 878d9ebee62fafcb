//! The future of a claim. If it is dropped before the store replies, the background runtime waits
//! for the reply and releases the claim.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::CatchUnwind;
use tokio::time::Instant;

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
    /// Time of the first poll. Without one there is nothing to release.
    started_at: Option<Instant>,
    /// Whether a page waits for the claim, so that its latency is recorded.
    #[cfg(feature = "web")]
    is_for_page: bool,
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
            started_at: None,
            #[cfg(feature = "web")]
            is_for_page: false,
        }
    }

    /// Creates the claim of a page: the time that the store takes is recorded.
    #[cfg(feature = "web")]
    pub(crate) fn for_page(salver: &'a Salver, contexts: Vec<Context>) -> Self {
        let mut claiming = Self::new(salver, contexts);
        claiming.is_for_page = true;
        claiming
    }
}

impl Future for ClaimFuture<'_> {
    type Output = Result<ClaimGuard, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<Self::Output> {
        #[cfg_attr(
            not(feature = "web"),
            expect(unused_variables, reason = "only pages record the latency")
        )]
        let started_at = *self.started_at.get_or_insert_with(Instant::now);
        let Some(call) = &mut self.call else {
            return Poll::Ready(Err(read_timed_out()));
        };
        let claimed = ready!(call.poll_unpin(cx));
        self.call = None;
        let claimed = into_guard(self.salver, claimed);
        #[cfg(feature = "web")]
        if self.is_for_page {
            self.salver.record_page_claim(&claimed, started_at, false);
        }
        Poll::Ready(claimed)
    }
}

impl Drop for ClaimFuture<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take()
            && self.started_at.is_some()
        {
            let salver = self.salver.clone();
            #[cfg(feature = "web")]
            let page_started_at = self.started_at.filter(|_| self.is_for_page);
            let release = async move {
                let claimed = with_deadline(ORPHAN_TIMEOUT, call.map(Ok), read_timed_out).await;
                let claimed = claimed.and_then(|claimed| into_guard(&salver, claimed));
                #[cfg(feature = "web")]
                if let Some(started_at) = page_started_at {
                    salver.record_page_claim(&claimed, started_at, true);
                }
                drop(claimed);
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
