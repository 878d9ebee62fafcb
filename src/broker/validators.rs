//! Validators, which a site asks before an event is accepted.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use actix_web::http::StatusCode;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::time::timeout;

use crate::broker::limits::{MAX_VALIDATORS, VALIDATOR_TIMEOUT};
use crate::events::{Event, PreparedEvent};
use crate::web::api::problem::Problem;
use crate::{Error, Salver};

/// `Retry-After` when a validator has not answered, in seconds.
const RETRY_AFTER: u64 = 5;

type Validator = Rc<dyn Fn(Event) -> LocalBoxFuture<'static, Result<(), String>>>;

/// The validators of a site, in the order in which they are asked.
#[derive(Clone, Default)]
pub(super) struct Validators {
    all: Vec<(String, Validator)>,
    /// Whether an event is accepted whose validator has not answered.
    pub(super) accepts_on_timeout: bool,
}

impl Validators {
    pub(super) fn add<F>(&mut self, event_type: String, validate: impl Fn(Event) -> F + 'static)
    where
        F: Future<Output = Result<(), String>> + 'static,
    {
        let validate = move |event| validate(event).boxed_local();
        self.all.push((event_type, Rc::new(validate)));
    }

    /// Returns the types with a validator.
    pub(super) fn types(&self) -> Vec<&str> {
        self.all.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Asks the validators of the type of an event, unless the event is known.
    ///
    /// # Errors
    ///
    /// 422 for an event that is refused, 503 if a validator does not answer, 409 for an event of whose id another one is
    /// known, and those of the store.
    pub(super) async fn validate(
        &self,
        salver: &Salver,
        event: &Event,
        prepared: &PreparedEvent,
    ) -> Result<(), Problem> {
        if self.all.len() > MAX_VALIDATORS {
            let problem = Error::misconfigured("a broker has at most four validators");
            return Err(problem.into());
        }
        let all = self.all.iter();
        let mut asked = all
            .filter(|(name, _)| name == event.event_type())
            .peekable();
        if asked.peek().is_none() || prepared.is_known(salver).await? {
            return Ok(());
        }
        for (_, validate) in asked {
            self.ask(validate, event.clone()).await?;
        }
        Ok(())
    }

    async fn ask(&self, validate: &Validator, event: Event) -> Result<(), Problem> {
        let event_type = event.event_type().to_owned();
        // A panic must not end the connection: the publisher would not know what happened.
        let answer = AssertUnwindSafe(async { validate(event).await }).catch_unwind();
        match timeout(VALIDATOR_TIMEOUT, answer).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(reason))) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason)),
            Err(_) | Ok(Err(_)) if self.accepts_on_timeout => {
                tracing::warn!(%event_type, "a validator has not answered; the event is accepted without it");
                Ok(())
            }
            Err(_) | Ok(Err(_)) => {
                tracing::warn!(%event_type, "a validator has not answered; the event is refused for now");
                let detail = "a validator of the event has not answered";
                let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
                Err(problem.with_retry_after(RETRY_AFTER))
            }
        }
    }
}
