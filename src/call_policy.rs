//! What surrounds every call to a store: circuit breaker, span and timer.

use std::future::Future;
use std::sync::Arc;

use tracing::Instrument;

use crate::Error;
use crate::breaker::Breaker;
use crate::telemetry::{self, Timer};

/// Runs calls to one store. Cheap to clone; clones share the breaker.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallPolicy {
    breaker: Arc<Breaker>,
}

impl CallPolicy {
    pub(crate) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Runs a call, unless the breaker is open, and records how it ended.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        app: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let guarded = async {
            let pass = self.breaker.enter()?;
            let timer = Timer::start();
            let outcome = call.await;
            telemetry::record_call(operation, timer, &outcome);
            pass.record(&outcome);
            outcome
        };
        let outcome = guarded.instrument(telemetry::span(operation, app)).await;
        outcome.map_err(|error| error.with_operation(operation))
    }
}
