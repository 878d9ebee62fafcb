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
use crate::webhooks::pace::{self, Permission, Sent};
use crate::webhooks::reports::{self, Disabled};
use crate::webhooks::signature::sign;
use crate::webhooks::transport::client::{Answer, AnswerBody, Client, SendError, Webhook};
use crate::webhooks::validators::WorkerValidators;
use crate::webhooks::{results, secret};
use crate::{Error, Salver};

/// How many deliveries are attempted for each job of another kind.
const CONCURRENCY_FACTOR: usize = 8;
/// A wait for a slot after which an event is kept for longer: an endpoint that is slow may have thousands to wait for.
const LONG_WAIT: Duration = Duration::from_secs(10);

/// Delivers events to endpoints.
pub(super) struct WebhookHandler {
    salver: Salver,
    client: OnceLock<Client>,
    validators: Arc<WorkerValidators>,
}

/// One delivery.
struct Delivery<'a> {
    id: String,
    /// Names its death, if it dies.
    death: String,
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
        if record.state != EndpointState::Enabled {
            return Ok(Outcome::Dead("the endpoint is disabled".to_owned()));
        }
        let id = job.id.to_string();
        let permission = pace::take(&self.salver, &task.endpoint, &id, record.rate);
        if let Permission::Wait(wait) = permission.await? {
            if wait >= LONG_WAIT {
                keep_event(&self.salver, &task).await?;
            }
            return Ok(Outcome::Later(wait));
        }
        let time = || now + millis(started.elapsed());
        let unsent = match self.prepare(job, &task, record, time).await {
            Ok((delivery, webhook, client)) => {
                let has_results = !delivery.record.results.is_empty();
                let sent = client.post(&delivery.record.url, webhook, has_results);
                return self.settle(&delivery, &task, sent.await).await;
            }
            Err(unsent) => unsent,
        };
        // Its slot is for others. If this fails, it is free after a time.
        let _ = pace::release(&self.salver, &task.endpoint, &id, Sent::Nothing).await;
        Ok(unsent)
    }

    /// Reads the event of a delivery, and builds its request. The outcome of one that cannot be sent is an error.
    async fn prepare<'a>(
        &'a self,
        job: &StoredJob,
        task: &'a WebhookTask,
        record: EndpointRecord,
        time: impl FnOnce() -> u64,
    ) -> Result<(Delivery<'a>, Webhook, &'a Client), Outcome> {
        let Some(event) = delivered_event(&self.salver, task).await? else {
            return Err(Outcome::Dead("the event is not stored any more".to_owned()));
        };
        let delivery = Delivery {
            id: job.id.to_string(),
            death: reports::death(job),
            endpoint: &task.endpoint,
            record,
            event,
        };
        let webhook = self.webhook(&delivery, time())?;
        Ok((delivery, webhook, self.client()?))
    }

    /// Returns the request of a delivery.
    fn webhook(&self, delivery: &Delivery<'_>, now: u64) -> Result<Webhook, Error> {
        let keys = secret::keys(&self.salver, delivery.endpoint, &delivery.record, now)?;
        let (timestamp, body) = (now / 1_000, delivery.event.json()?);
        Ok(Webhook {
            signature: sign(&keys, &delivery.id, timestamp, &body),
            id: delivery.id.clone(),
            timestamp,
            body,
        })
    }

    /// Returns the outcome of a delivery that was sent.
    async fn settle(
        &self,
        delivery: &Delivery<'_>,
        task: &WebhookTask,
        sent: Result<Answer, SendError>,
    ) -> Result<Outcome, Error> {
        let is_success = sent.as_ref().is_ok_and(Answer::is_success);
        let outcome = match is_success {
            true => Sent::Success,
            false => Sent::Failure,
        };
        let released = pace::release(&self.salver, delivery.endpoint, &delivery.id, outcome);
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
        reports::disabled(&self.salver, delivery.endpoint, &delivery.death, cause).await?;
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
