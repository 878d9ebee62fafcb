//! The handler of the jobs that deliver events to endpoints.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::Instant;

use crate::events::{
    DeliveredEvent, EndpointRecord, EndpointState, WebhookTask, delivered_event, endpoint,
    keep_event,
};
use crate::jobs::{Handler, Outcome, StoredJob, WEBHOOK_QUEUE, Worker, read_task};
use crate::store::millis;
use crate::webhooks::limits::{MAX_FAILING, MAX_RESPONSE_BYTES};
use crate::webhooks::pace::{self, Permission};
use crate::webhooks::reports::{self, Disabled};
use crate::webhooks::signature::sign;
use crate::webhooks::transport::client::{Answer, AnswerBody, Client, SendError, Webhook};
use crate::webhooks::validators::WorkerValidators;
use crate::webhooks::{results, secret};
use crate::{Error, Salver};

/// How many deliveries are attempted for each job of another kind.
const CONCURRENCY_FACTOR: usize = 8;

/// Delivers events to endpoints.
pub(super) struct WebhookHandler {
    salver: Salver,
    client: OnceLock<Client>,
    validators: Arc<WorkerValidators>,
}

/// One delivery.
struct Delivery<'a> {
    id: String,
    endpoint: &'a str,
    record: EndpointRecord,
    event: Arc<DeliveredEvent>,
}

impl Handler for WebhookHandler {
    fn queue(&self) -> &'static str {
        WEBHOOK_QUEUE
    }

    fn validate(&self) -> Result<(), Error> {
        secret::of_site(&self.salver)?;
        self.validators.get().check_number()?;
        self.client().map(drop)
    }

    /// Deliveries wait for other programs: those to slow ones must not stop the others.
    fn concurrency(&self, setting: usize) -> usize {
        setting.saturating_mul(CONCURRENCY_FACTOR)
    }

    fn report_dead<'a>(&'a self, job: &'a StoredJob) -> BoxFuture<'a, Result<(), Error>> {
        reports::dead(&self.salver, job).boxed()
    }

    fn attempt<'a>(&'a self, job: &'a StoredJob, now: u64) -> BoxFuture<'a, Outcome> {
        let delivery = self.deliver(job, now);
        delivery
            .map(|outcome| outcome.unwrap_or_else(Outcome::from))
            .boxed()
    }
}

impl WebhookHandler {
    pub(super) fn new(worker: &Worker) -> Self {
        Self {
            salver: worker.salver().clone(),
            validators: worker.extensions().get(),
            client: OnceLock::new(),
        }
    }

    /// Returns the client. The deliveries of a worker share its connections.
    fn client(&self) -> Result<&Client, Error> {
        if self.client.get().is_none() {
            // Of two that are created at the same time, one stays.
            let _ = self.client.set(Client::new(&self.salver)?);
        }
        let client = self.client.get();
        client.ok_or_else(|| Error::misconfigured("the client of webhooks cannot be created"))
    }

    async fn deliver(&self, job: &StoredJob, now: u64) -> Result<Outcome, Error> {
        let started = Instant::now();
        let task: WebhookTask = match read_task(job) {
            Ok(task) => task,
            Err(outcome) => return Ok(outcome),
        };
        let Some(record) = endpoint(&self.salver, &task.endpoint).await? else {
            return Ok(Outcome::Done);
        };
        let (id, is_enabled) = (job.id.to_string(), record.state == EndpointState::Enabled);
        if is_enabled {
            let permission = pace::take(&self.salver, &task.endpoint, &id, record.rate);
            if let Permission::Wait(wait) = permission.await? {
                return Ok(Outcome::Later(wait));
            }
        }
        let Some(event) = delivered_event(&self.salver, &task).await? else {
            return Ok(Outcome::Dead("the event is not stored any more".to_owned()));
        };
        let delivery = Delivery {
            id,
            endpoint: &task.endpoint,
            record,
            event,
        };
        if !is_enabled {
            return Ok(Outcome::Dead("the endpoint is disabled".to_owned()));
        }
        let sent = self
            .send(&delivery, now + millis(started.elapsed()))
            .await?;
        self.settle(&delivery, &task, sent).await
    }

    /// Sends a delivery. Not an error: what the endpoint answers.
    async fn send(
        &self,
        delivery: &Delivery<'_>,
        now: u64,
    ) -> Result<Result<Answer, SendError>, Error> {
        let keys = secret::keys(&self.salver, delivery.endpoint, &delivery.record, now)?;
        let (timestamp, body) = (now / 1_000, delivery.event.json()?);
        let webhook = Webhook {
            signature: sign(&keys, &delivery.id, timestamp, &body),
            id: delivery.id.clone(),
            timestamp,
            body,
        };
        let has_results = !delivery.record.results.is_empty();
        let sent = self
            .client()?
            .post(&delivery.record.url, webhook, has_results);
        Ok(sent.await)
    }

    /// Returns the outcome of a delivery that was sent.
    async fn settle(
        &self,
        delivery: &Delivery<'_>,
        task: &WebhookTask,
        sent: Result<Answer, SendError>,
    ) -> Result<Outcome, Error> {
        let is_success = sent.as_ref().is_ok_and(Answer::is_success);
        let released = pace::release(&self.salver, delivery.endpoint, &delivery.id, is_success);
        let failing = match released.await {
            // It was delivered. Its slot is free after a time.
            Err(_) if is_success => Duration::ZERO,
            failing => failing?,
        };
        let (reason, retry_after) = match sent {
            Ok(answer) if answer.is_success() => return self.publish(delivery, &answer).await,
            Ok(answer) if answer.status == 410 => {
                return self.disable(delivery, Disabled::Gone).await;
            }
            Ok(answer) => (answer.problem(), answer.retry_after),
            Err(SendError::Refused) => ("the host may not be called".to_owned(), None),
            Err(SendError::Failed(reason)) => (reason, None),
        };
        if failing >= MAX_FAILING {
            return self.disable(delivery, Disabled::Failing).await;
        }
        keep_event(&self.salver, task).await?;
        Ok(Outcome::FailedUntil {
            reason,
            delay: retry_after.unwrap_or(Duration::ZERO),
        })
    }

    /// Publishes the result that an endpoint has answered with, if there is one.
    async fn publish(&self, delivery: &Delivery<'_>, answer: &Answer) -> Result<Outcome, Error> {
        if matches!(answer.body, AnswerBody::TooLong) {
            // Another attempt would most likely get the same response.
            let reason = format!("the response has more than {MAX_RESPONSE_BYTES} bytes");
            return Ok(Outcome::Dead(reason));
        }
        let (app, endpoint) = (self.salver.app(), delivery.endpoint);
        match results::of_answer(answer, &delivery.record.results) {
            Ok(Some(result)) => {
                let of = results::Of {
                    endpoint,
                    delivery: &delivery.id,
                    event: &delivery.event,
                    validators: &self.validators,
                };
                results::publish(&self.salver, result, of).await
            }
            Ok(None) => Ok(Outcome::Done),
            Err(reason) => {
                tracing::warn!(
                    app,
                    endpoint,
                    reason,
                    "the response of an endpoint is no result; it is not published"
                );
                Ok(Outcome::Done)
            }
        }
    }

    /// Disables the endpoint, and reports it. The delivery is dead.
    async fn disable(&self, delivery: &Delivery<'_>, cause: Disabled) -> Result<Outcome, Error> {
        let endpoints = self.salver.endpoints();
        endpoints
            .disable_for(delivery.endpoint, cause.reason())
            .await?;
        reports::disabled(&self.salver, delivery.endpoint, &delivery.id, cause).await?;
        Ok(Outcome::Dead(cause.reason().to_owned()))
    }
}

impl Answer {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns why it is no success, for an operator.
    fn problem(&self) -> String {
        match self.status {
            300..400 => format!("HTTP {}: redirects are not followed", self.status),
            status => format!("HTTP {status}"),
        }
    }
}
