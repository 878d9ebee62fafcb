//! The wrapper of every call to a store: circuit breaker, span and timer.

use std::future::Future;
use std::sync::Arc;

use tracing::Instrument;

use crate::Error;
use crate::breaker::Breaker;
use crate::telemetry::{self, Timer};

/// The policy for all calls to one store. Cheap to clone; clones share the breaker.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallPolicy {
    breaker: Arc<Breaker>,
}

impl CallPolicy {
    /// Returns the circuit breaker of the store.
    pub(crate) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Runs a call and records its duration and outcome.
    ///
    /// # Errors
    ///
    /// Those of the call, with the operation added. `is_unavailable` without running the call while
    /// the breaker is open.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        app: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let guarded = async {
            let permit = self.breaker.enter()?;
            let timer = Timer::start();
            let outcome = call.await;
            telemetry::record_call(operation, timer, &outcome);
            permit.record(&outcome);
            outcome
        };
        let outcome = guarded.instrument(telemetry::span(operation, app)).await;
        outcome.map_err(|error| error.with_operation(operation))
    }
}
