//! The policy for every call to a store: circuit breaker, span, timer, panic guard.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tracing::Instrument;

use crate::Error;
use crate::breaker::Breaker;
#[cfg(feature = "conformance")]
use crate::call_counter::CallCounter;
use crate::telemetry::{self, Timer};

/// The policy for all calls to one store. Cheap to clone; clones share the breaker.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallPolicy {
    breaker: Arc<Breaker>,
    #[cfg(feature = "conformance")]
    counter: Arc<CallCounter>,
}

impl CallPolicy {
    /// Returns the same policy with another circuit breaker.
    #[cfg(feature = "jobs")]
    pub(crate) fn with_own_breaker(&self) -> Self {
        Self {
            breaker: Arc::default(),
            #[cfg(feature = "conformance")]
            counter: Arc::clone(&self.counter),
        }
    }

    /// Returns whether the circuit breaker of the store is open.
    pub(crate) fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    #[cfg(feature = "conformance")]
    pub(crate) fn counter(&self) -> &CallCounter {
        &self.counter
    }

    /// Runs a call and records its duration and outcome.
    ///
    /// # Errors
    ///
    /// Those of the call, with the operation added. `is_unreadable` if the call panics.
    /// `is_unavailable` without running the call while the breaker is open.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        app: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let guarded = async {
            let permit = self.breaker.enter()?;
            let record = |outcome: &Result<T, Error>| permit.record(outcome);
            self.measured(operation, call, record).await
        };
        let outcome = guarded.instrument(telemetry::span(operation, app)).await;
        outcome.map_err(|error| error.with_operation(operation))
    }

    /// Runs a call as [`call`](Self::call) does, even while the breaker is open. Its outcome does not change the breaker.
    ///
    /// # Errors
    ///
    /// Those of the call, with the operation added. `is_unreadable` if the call panics.
    #[cfg(feature = "jobs")]
    pub(crate) async fn call_past_breaker<T>(
        &self,
        operation: &'static str,
        app: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let measured = self.measured(operation, call, |_| {});
        let outcome = measured.instrument(telemetry::span(operation, app)).await;
        outcome.map_err(|error| error.with_operation(operation))
    }

    /// Runs a call and records its duration and outcome.
    async fn measured<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
        record: impl FnOnce(&Result<T, Error>),
    ) -> Result<T, Error> {
        #[cfg(feature = "conformance")]
        self.counter.begin().await;
        let timer = Timer::start();
        let outcome = catch_panic(call).await;
        telemetry::record_call(operation, timer, &outcome);
        record(&outcome);
        #[cfg(feature = "conformance")]
        self.counter.finish().await;
        outcome
    }

    /// Runs a call even while the breaker is open. Its outcome changes no breaker and no metric.
    ///
    /// # Errors
    ///
    /// Those of the call. `is_unreadable` if the call panics.
    pub(crate) async fn probe<T>(
        operation: &'static str,
        app: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let span = telemetry::span(operation, app);
        catch_panic(call).instrument(span).await
    }

    /// Closes the circuit breaker after a probe that succeeded.
    pub(crate) fn record_success(&self) {
        self.breaker.record_success();
    }
}

/// Turns a panic of the store into an error: it must not end the task that calls the store, such as
/// the settlement of all other claims.
async fn catch_panic<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let outcome = AssertUnwindSafe(call).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Error::unreadable("the reply of a store that panicked")))
}
