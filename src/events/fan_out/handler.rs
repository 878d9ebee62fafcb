//! The handler of the jobs that fan out events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use serde_json::json;

#[cfg(feature = "webhooks")]
use crate::events::endpoints::{Actions, EventDeliveries};
use crate::events::event::Event;
use crate::events::fan_out::notifier::Notifier;
use crate::events::fan_out::notify_all::{Notified, notify_all};
#[cfg(feature = "webhooks")]
use crate::events::fan_out::page::Cursor;
use crate::events::fan_out::page::{self, Page};
use crate::events::fan_out::people::People;
use crate::events::fan_out::renderers::Renderers;
use crate::events::fan_out::step_error::StepError;
use crate::events::fan_out::task::FanOutTask;
use crate::events::formats::body;
#[cfg(feature = "webhooks")]
use crate::events::limits::DELIVERED_EVENT_TTL;
use crate::events::limits::{EVENT_TTL, MAX_EVENT_AGE, MAX_EVENT_TTL};
use crate::events::pattern::Pattern;
use crate::events::publish::publish;
use crate::inbox::{MailJob, Sender};
use crate::jobs::{
    self, EVENTS_QUEUE, Handler, JobId, MAIL_QUEUE, NewJob, Outcome, PLAN_QUEUE, Profiles,
    StoredEvent, StoredJob, Worker, read_task,
};
#[cfg(feature = "webhooks")]
use crate::jobs::{ACTION_QUEUE, WEBHOOK_QUEUE};
use crate::store::millis;
use crate::{Error, Salver};

/// Jobs of mails or webhooks that are due, above which a fan-out rests: they are sent more slowly than it adds them.
const MAX_WAITING_JOBS: u64 = 10_000;
/// How long it rests then.
const REST: Duration = Duration::from_secs(1);
/// How long an event waits that a worker without renderers has met. Another one claims it then.
const WITHOUT_RENDERERS_DELAY: Duration = Duration::from_secs(10);

/// An event of which one page of recipients is notified.
struct Step<'a> {
    id: JobId,
    event: &'a Event,
    accepted: u64,
    sender: &'a Sender,
    patterns: &'a [Pattern],
}

/// Fans out events.
#[derive(Clone)]
pub(in crate::events) struct FanOut {
    salver: Salver,
    renderers: Arc<Renderers>,
    profiles: Arc<Profiles>,
    #[cfg(feature = "webhooks")]
    actions: Arc<Actions>,
}

impl Handler for FanOut {
    fn queue(&self) -> &'static str {
        EVENTS_QUEUE
    }

    fn attempt<'a>(&'a self, job: &'a StoredJob, _now: u64) -> BoxFuture<'a, Outcome> {
        async move {
            let task = read_task(job)?;
            self.step(job.id, task, true).await
        }
        .map(|outcome: Result<_, StepError>| outcome.unwrap_or_else(Outcome::from))
        .boxed()
    }
}

impl FanOut {
    pub(in crate::events) fn of(worker: &Worker) -> Self {
        Self {
            salver: worker.salver().clone(),
            renderers: worker.extensions().get(),
            profiles: worker.extensions().get(),
            #[cfg(feature = "webhooks")]
            actions: worker.extensions().get(),
        }
    }

    /// Publishes an event and notifies all, unless it is known.
    pub(in crate::events) async fn publish(&self, event: Event) -> Result<(), Error> {
        let (id, is_new) = publish(&self.salver, &event).await?;
        if !is_new {
            return Ok(());
        }
        let mut task = FanOutTask::default();
        loop {
            let outcome = match self.step(id, task.clone(), false).await {
                Err(StepError::Store(error)) => return Err(error),
                Err(ended) => ended.into(),
                Ok(outcome) => outcome,
            };
            match outcome {
                Outcome::Continue(next) => {
                    task = serde_json::from_value(next).unwrap_or_default();
                }
                Outcome::Later(_) => {
                    return Err(Error::invalid(
                        "event",
                        "has no message, and this worker renders no events",
                    ));
                }
                Outcome::Done => break,
                Outcome::Failed(reason) | Outcome::Dead(reason) | Outcome::Unavailable(reason) => {
                    return Err(Error::invalid("event", reason));
                }
                // Deliveries alone.
                #[cfg(feature = "webhooks")]
                Outcome::FailedUntil { reason, .. } => {
                    return Err(Error::invalid("event", reason));
                }
            }
        }
        jobs::finish(&self.salver, EVENTS_QUEUE, id).await
    }

    /// Notifies the next recipients of an event. `rests`: whether it waits while many mails wait. The caller of
    /// [`publish`](Self::publish) may be the one that sends them.
    async fn step(&self, id: JobId, task: FanOutTask, rests: bool) -> Result<Outcome, StepError> {
        let stored = jobs::event(&self.salver, EVENTS_QUEUE, id).await?;
        let Some(StoredEvent { accepted, body }) = stored else {
            return Ok(Outcome::Dead("the event is not stored any more".to_owned()));
        };
        let event = body::decode(&body)
            .ok_or_else(|| Outcome::Dead("the event cannot be read".to_owned()))?;
        let sender = Sender::new(&self.salver).await?;
        if rests && sender.sends_mails() && self.has_many(&[MAIL_QUEUE, PLAN_QUEUE]).await? {
            return Ok(Outcome::Later(REST));
        }
        let patterns = page::patterns(&self.salver, &event).await?;
        let page = match task.retries_failed {
            true => Page::of(&task.failed, &patterns),
            false => page::read(&self.salver, &patterns, task.cursor.clone()).await?,
        };
        let had_deliveries = task.has_deliveries;
        #[cfg(feature = "webhooks")]
        let task = self.deliver(&event, id, task, rests).await?;
        // Recorded before anything that takes long or may fail: after an hour the deliveries are not known to be done
        // any more, and would be enqueued again.
        if task.has_deliveries && !had_deliveries && !page.recipients.is_empty() {
            return Ok(Outcome::Continue(json!(task)));
        }
        let step = Step {
            id,
            event: &event,
            accepted,
            sender: &sender,
            patterns: &patterns,
        };
        self.notify(step, page, task).await
    }

    /// Notifies the recipients of a page.
    async fn notify(
        &self,
        step: Step<'_>,
        Page { recipients, next }: Page,
        task: FanOutTask,
    ) -> Result<Outcome, StepError> {
        let Step {
            id,
            event,
            accepted,
            sender,
            patterns,
        } = step;
        let renderer = self.renderers.get(event.event_type());
        if !recipients.is_empty() && renderer.is_none() && event.message.is_none() {
            return Ok(self.without_renderer(event));
        }
        let asked = recipients.iter().map(|(recipient, _)| recipient);
        let people = People::load(&self.profiles, event, asked).await?;
        let notifier = Notifier {
            salver: &self.salver,
            sender,
            renderer: renderer.as_deref(),
            time: time_of(event, accepted),
            event,
            accepted,
            patterns,
            people: &people,
        };
        let Notified { mails, failures } = notify_all(&notifier, recipients).await?;
        self.enqueue(mails).await?;
        let ttl = event_ttl(&task);
        match task.after(failures, next)? {
            Some(task) => Ok(Outcome::Continue(json!(task))),
            None => {
                jobs::expire_event(&self.salver, EVENTS_QUEUE, id, ttl, MAX_EVENT_TTL).await?;
                Ok(Outcome::Done)
            }
        }
    }

    /// Enqueues the deliveries of an event to endpoints, before its first recipient.
    #[cfg(feature = "webhooks")]
    async fn deliver(
        &self,
        event: &Event,
        id: JobId,
        task: FanOutTask,
        rests: bool,
    ) -> Result<FanOutTask, StepError> {
        if task.has_deliveries || task.cursor != Cursor::default() {
            return Ok(task);
        }
        let deliveries = EventDeliveries::find(&self.salver, event, id, &self.actions).await?;
        let has_deliveries = !deliveries.is_empty();
        if has_deliveries {
            if rests && self.has_many(&[WEBHOOK_QUEUE, ACTION_QUEUE]).await? {
                return Err(Outcome::Later(REST).into());
            }
            deliveries.enqueue(&self.salver).await?;
        }
        Ok(FanOutTask {
            has_deliveries,
            ..task
        })
    }

    /// Returns the outcome for an event that this worker cannot render.
    fn without_renderer(&self, event: &Event) -> Outcome {
        let event_type = event.event_type();
        match self.renderers.is_empty() {
            true => Outcome::Later(WITHOUT_RENDERERS_DELAY),
            false => Outcome::Dead(format!(
                "no worker renders events of type {event_type}, and it has no message"
            )),
        }
    }

    /// Returns whether many jobs of some queues are due.
    async fn has_many(&self, queues: &[&'static str]) -> Result<bool, Error> {
        let mut due = 0;
        for queue in queues {
            due += jobs::due_jobs(&self.salver, queue).await?;
        }
        Ok(due >= MAX_WAITING_JOBS)
    }

    async fn enqueue(&self, mails: Vec<MailJob>) -> Result<(), Error> {
        let mut by_queue: HashMap<&'static str, Vec<NewJob>> = HashMap::new();
        for MailJob { queue, job } in mails {
            by_queue.entry(queue).or_default().push(job);
        }
        for (queue, new) in by_queue {
            jobs::enqueue(&self.salver, queue, new).await?;
        }
        Ok(())
    }
}

/// Returns how long an event is known after it was fanned out.
fn event_ttl(task: &FanOutTask) -> Duration {
    match task.has_deliveries {
        #[cfg(feature = "webhooks")]
        true => DELIVERED_EVENT_TTL,
        _ => EVENT_TTL,
    }
}

/// Returns the time of the notifications: that of the event, unless it is too old or in the future. A time after the
/// acceptance would pass the erasure of a recipient.
fn time_of(event: &Event, accepted: u64) -> u64 {
    let age = accepted.checked_sub(event.time);
    match age.is_some_and(|age| age <= millis(MAX_EVENT_AGE)) {
        true => event.time,
        false => accepted,
    }
}
