//! How the handle asks its store: through the breaker, within a budget.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::deadline::{read_timed_out, with_deadline, write_timed_out};
use crate::handle::salver::Salver;
use crate::{Error, runtime, telemetry};

/// Longest look at the state of a store.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Which share of its budget a write may take before it is sent again: 100 ms of 250.
const FIRST_ATTEMPT_SHARE: f64 = 0.4;

impl Salver {
    /// Asks for something that changes nothing.
    pub(crate) async fn read<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let timeout = self.config().call_timeout;
        self.read_with_timeout(operation, timeout, call).await
    }

    /// Asks for something for which nobody waits, with a budget of its own.
    pub(crate) async fn read_with_timeout<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call(operation, with_deadline(timeout, call, read_timed_out))
            .await
    }

    /// Asks for a change that must not be asked for twice: without an answer it is in doubt.
    pub(crate) async fn write_non_idempotent<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let timeout = self.config().call_timeout;
        self.write_with_timeout(operation, timeout, call).await
    }

    /// Asks for a change for which nobody waits, with a budget of its own.
    pub(crate) async fn write_with_timeout<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call(operation, with_deadline(timeout, call, write_timed_out))
            .await
    }

    /// Asks for a change that is the same done twice as once: without an answer it is asked for once more,
    /// with the same bytes, in what is left of the budget.
    pub(crate) async fn write_idempotent<T, F: Future<Output = Result<T, Error>>>(
        &self,
        operation: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, Error> {
        let (timeout, started) = (self.config().call_timeout, Instant::now());
        let twice = async {
            let first = with_deadline(
                timeout.mul_f64(FIRST_ATTEMPT_SHARE),
                call(),
                write_timed_out,
            )
            .await;
            let left = timeout.saturating_sub(started.elapsed());
            match first {
                Err(error) if error.is_in_doubt() && !left.is_zero() => {
                    telemetry::record_mismatched_reply(&error);
                    match with_deadline(left, call(), write_timed_out).await {
                        // What the first attempt may have done is not undone; a session that is closed has
                        // taken it along.
                        Err(second) if !second.is_in_doubt() && !second.is_closed() => Err(error),
                        second => second,
                    }
                }
                first => first,
            }
        };
        self.call(operation, twice).await
    }

    pub(super) async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let outcome = self.shared.calls.call(operation, &self.app, call).await;
        if outcome.as_ref().err().is_none_or(Error::is_denied) {
            self.check_health_once();
        }
        outcome
    }

    /// Looks once, when the store first answers, for what is wrong with it, and says so in words.
    fn check_health_once(&self) {
        if self.shared.health_checked.set(()).is_err() {
            return;
        }
        let (store, app) = (Arc::clone(&self.shared.store), Arc::clone(&self.app));
        let check = async move {
            let result =
                with_deadline(CHECK_TIMEOUT, store.health_check(&app), read_timed_out).await;
            for issue in result.into_iter().flatten() {
                tracing::warn!("store health: {issue}");
            }
        };
        // Without a thread there is nobody to look: whatever is wrong is met by the calls themselves.
        let _ = runtime::spawn(check);
    }
}
