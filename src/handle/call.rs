//! Calls of the handle to its store, through the circuit breaker and within a timeout.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::deadline::{read_timed_out, with_deadline, write_timed_out};
use crate::handle::health;
use crate::handle::salver::Salver;
use crate::{Error, runtime, telemetry};

/// Share of the timeout after which an idempotent write is sent again: 100 ms of 250.
const FIRST_ATTEMPT_SHARE: f64 = 0.4;

impl Salver {
    /// Runs a read within the call timeout.
    pub(crate) async fn read<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let timeout = self.config().call_timeout;
        self.read_with_timeout(operation, timeout, call).await
    }

    /// Runs a read within its own timeout.
    pub(crate) async fn read_with_timeout<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call(operation, with_deadline(timeout, call, read_timed_out))
            .await
    }

    /// Runs a write that must not be sent twice, within the call timeout. Without a reply it is in
    /// doubt.
    pub(crate) async fn write_non_idempotent<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let timeout = self.config().call_timeout;
        self.write_with_timeout(operation, timeout, call).await
    }

    /// Runs a write once, within its own timeout.
    pub(crate) async fn write_with_timeout<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call(operation, with_deadline(timeout, call, write_timed_out))
            .await
    }

    /// Runs a write once, within its own timeout, even while the circuit breaker is open: for a caller with pauses of its
    /// own, whose next call may be for another server.
    #[cfg(feature = "jobs")]
    pub(crate) async fn write_past_breaker<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let call = with_deadline(timeout, call, write_timed_out);
        self.observe(
            self.calls
                .call_past_breaker(operation, &self.app, call)
                .await,
        )
    }

    /// Runs an idempotent write within the call timeout.
    ///
    /// Without a reply in [`FIRST_ATTEMPT_SHARE`] of the timeout it is sent once more, with the
    /// same bytes, within the remaining time.
    pub(crate) async fn write_idempotent<T, F: Future<Output = Result<T, Error>>>(
        &self,
        operation: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, Error> {
        let (timeout, started) = (self.config().call_timeout, Instant::now());
        let attempts = async {
            let first = with_deadline(
                timeout.mul_f64(FIRST_ATTEMPT_SHARE),
                call(),
                write_timed_out,
            )
            .await;
            let remaining = timeout.saturating_sub(started.elapsed());
            match first {
                Err(error) if error.is_in_doubt() && !remaining.is_zero() => {
                    telemetry::record_mismatched_reply(&error);
                    match with_deadline(remaining, call(), write_timed_out).await {
                        // The first attempt may have been applied, so the error stays in doubt. Not
                        // if the session is closed: its messages have been removed.
                        Err(second) if !second.is_in_doubt() && !second.is_session_closed() => {
                            Err(error)
                        }
                        second => second,
                    }
                }
                first => first,
            }
        };
        self.call(operation, attempts).await
    }

    /// Runs a call through the circuit breaker. The first reply of the store starts the health
    /// check.
    pub(super) async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.observe(self.calls.call(operation, &self.app, call).await)
    }

    fn observe<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        let is_answered = |error: &Error| error.is_denied() || error.is_misconfigured();
        if outcome.as_ref().err().is_none_or(is_answered) {
            self.check_health_once();
        }
        outcome
    }

    /// Checks the health of the store once, in the background, and logs each issue.
    fn check_health_once(&self) {
        if self.shared.health_checked.set(()).is_err() {
            return;
        }
        let (store, app) = (Arc::clone(&self.shared.store), Arc::clone(&self.app));
        let check = async move {
            let result = health::check(&*store, &app).await;
            for issue in result.into_iter().flatten() {
                tracing::warn!("store health: {issue}");
            }
        };
        // Without the background thread there is no check: the calls themselves report failures.
        let _ = runtime::spawn(check);
    }
}
