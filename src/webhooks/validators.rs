//! Validators, which a site asks before an event is accepted: from a publisher, or as the result of a delivery.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use crate::events::{Event, PreparedEvent};
use crate::jobs::Worker;
use crate::webhooks::limits::{MAX_VALIDATORS, VALIDATOR_TIMEOUT};
use crate::{Error, Salver};

type Validator = dyn Fn(Event) -> BoxFuture<'static, Result<(), String>> + Send + Sync;

/// Validators, in the order in which they are asked.
#[derive(Clone, Default)]
pub(crate) struct Validators {
    all: Vec<(String, Arc<Validator>)>,
    /// Whether an event is accepted whose validator has not answered.
    pub(crate) accepts_on_timeout: bool,
}

/// What the validators say about an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    /// For the publisher.
    Refused(String),
    /// One has not answered.
    Silent,
}

impl Validators {
    pub(crate) fn add<F>(
        &mut self,
        event_type: String,
        validate: impl Fn(Event) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let validate = move |event| validate(event).boxed();
        self.all.push((event_type, Arc::new(validate)));
    }

    /// Returns the types with a validator.
    #[cfg(feature = "web")]
    pub(crate) fn types(&self) -> Vec<&str> {
        self.all.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// # Errors
    ///
    /// `is_misconfigured` for too many.
    pub(crate) fn check_number(&self) -> Result<(), Error> {
        match self.all.len() > MAX_VALIDATORS {
            true => Err(Error::misconfigured("there are more than four validators")),
            false => Ok(()),
        }
    }

    /// Asks the validators of the type of an event, unless the event is known.
    ///
    /// # Errors
    ///
    /// `is_conflict` for an event of whose id another one is known, and those of the store.
    pub(crate) async fn ask(
        &self,
        salver: &Salver,
        event: &Event,
        prepared: &PreparedEvent,
    ) -> Result<Verdict, Error> {
        let mut asked = Vec::new();
        for (name, validate) in &self.all {
            if name == event.event_type() {
                asked.push(Arc::clone(validate));
            }
        }
        if asked.is_empty() || prepared.is_known(salver).await? {
            return Ok(Verdict::Accepted);
        }
        for validate in asked {
            let verdict = self.ask_one(&*validate, event.clone()).await;
            if verdict != Verdict::Accepted {
                return Ok(verdict);
            }
        }
        Ok(Verdict::Accepted)
    }

    async fn ask_one(&self, validate: &Validator, event: Event) -> Verdict {
        let event_type = event.event_type().to_owned();
        // A panic must not end the connection of a publisher, who would not know what happened, nor a worker.
        let answer = AssertUnwindSafe(async { validate(event).await }).catch_unwind();
        match timeout(VALIDATOR_TIMEOUT, answer).await {
            Ok(Ok(Ok(()))) => Verdict::Accepted,
            Ok(Ok(Err(reason))) => Verdict::Refused(reason),
            Err(_) | Ok(Err(_)) if self.accepts_on_timeout => {
                tracing::warn!(%event_type, "a validator has not answered; the event is accepted without it");
                Verdict::Accepted
            }
            Err(_) | Ok(Err(_)) => {
                tracing::warn!(%event_type, "a validator has not answered; the event is refused for now");
                Verdict::Silent
            }
        }
    }
}

/// The validators of the routes that this process serves, by application. Its workers ask them too.
#[derive(Default)]
pub(crate) struct ServedValidators(Mutex<HashMap<Box<str>, Validators>>);

impl ServedValidators {
    /// Sets the validators of an application. Each thread of a server has the same ones.
    #[cfg(feature = "web")]
    pub(crate) fn set(&self, app: &str, validators: Validators) {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        served.insert(app.into(), validators);
    }

    pub(super) fn get(&self, app: &str) -> Validators {
        let served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        served.get(app).cloned().unwrap_or_default()
    }
}

/// The validators of a worker.
#[derive(Default)]
pub(super) struct WorkerValidators(Mutex<Validators>);

impl WorkerValidators {
    pub(super) fn get(&self) -> Validators {
        // A panic cannot leave the validators half changed, so a poisoned lock is safe to use.
        let validators = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        validators.clone()
    }
}

impl Worker {
    /// Asks `validate` before a result of a type is published: what an endpoint, a function or a local program answers to
    /// an event. `Err` refuses it: it is not published, and a warning is logged. At most four.
    ///
    /// A worker also asks those of [`BrokerRoutes::validate`](crate::broker::BrokerRoutes::validate), if its process serves
    /// the routes. Set them here for a worker in another process.
    ///
    /// Each has 2 seconds. If one does not answer, or panics, the delivery has failed, and is attempted again.
    #[must_use]
    pub fn validate<F>(
        self,
        event_type: impl Into<String>,
        validate: impl Fn(Event) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let validators = self.extensions().get::<WorkerValidators>();
        let mut all = validators.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.add(event_type.into(), validate);
        drop(all);
        self
    }
}
