//! The handler of the jobs that call actions.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, try_join};

use crate::events::{
    ActionName, Actions, EndpointRegistry, EndpointState, Event, WebhookTask, delivered_event,
    endpoint, keep_event,
};
use crate::jobs::{ACTION_QUEUE, Handler, Outcome, StoredJob, Worker, read_task};
use crate::webhooks::validators::WorkerValidators;
use crate::webhooks::{reports, results};
use crate::{Error, MessageId, Salver};

/// How long a job waits that a worker without its action has met, at least and at most. Another one claims it then.
const MIN_WITHOUT_ACTION_DELAY: Duration = Duration::from_secs(5);
const MAX_WITHOUT_ACTION_DELAY: Duration = Duration::from_secs(5 * 60);
/// The delay as a part of the age of the event, so that events that wait for days cost little.
const AGE_PER_DELAY: u32 = 10;
/// How old an event may be that waits for a worker with its action: less than it is stored, so that it can be replayed.
const MAX_AGE_WITHOUT_ACTION: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// How old an event is at least that is not wanted any more, because its action is not registered. A worker that starts
/// registers its actions within this time.
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(60);

/// Calls actions.
struct ActionHandler {
    salver: Salver,
    actions: Arc<Actions>,
    validators: Arc<WorkerValidators>,
}

impl Worker {
    /// Calls a function with each event of a type, and fans out events. What it returns is published as the result of the
    /// event, with the attribute `causationid`; its id and source are replaced.
    ///
    /// It is called at least once for each event: if the worker is killed before the call is recorded, it is called again
    /// with the same event, which has the same [id](Event::get_id). A call that fails is repeated as a job of the
    /// worker is. A second function for a type replaces the first; [`on_named`](Self::on_named) adds further ones.
    ///
    /// The function counts as an [endpoint](crate::webhooks::Endpoints) with the id `action.` and the type from the first
    /// start of a worker that has it: from then on its events wait for such a worker, for five days. Then their deliveries
    /// are dead: they are listed and reported as those of any endpoint, and can be
    /// [replayed](crate::jobs::Deliveries::replay). Remove the endpoint when no worker has the function any more: what waits
    /// for it is cancelled then.
    ///
    /// Results that cause each other end after 8, and after 1,000 of one first event.
    ///
    /// ```
    /// use salver::Salver;
    /// use salver::events::Event;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
    /// let salver = Salver::memory("counter")?;
    /// let worker = salver.worker().on("counter.increment", |event| async move {
    ///     let by: u64 = event.get_data()?;
    ///     Ok::<_, salver::Error>(Some(Event::new("counter.changed").data(2 + by)))
    /// });
    /// salver.publish(Event::new("counter.increment").data(1)).await?;
    /// worker.drain().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn on<F, R, E>(self, event_type: impl Into<String>, action: F) -> Self
    where
        F: Fn(Event) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Event>, E>> + Send + 'static,
        E: Display,
    {
        let event_type = event_type.into();
        self.add_action(
            ActionName {
                event_type,
                name: None,
            },
            action,
        )
    }

    /// Calls a further function with each event of a type, as [`on`](Self::on) does. Functions of different names are called
    /// independently, in whatever workers they are. `name`: 1 to 128 of `A-Z a-z 0-9 - . _ ~`.
    ///
    /// The id of its [endpoint](crate::webhooks::Endpoints) is `action.`, the name, `:` and the type.
    #[must_use]
    pub fn on_named<F, R, E>(
        self,
        name: impl Into<String>,
        event_type: impl Into<String>,
        action: F,
    ) -> Self
    where
        F: Fn(Event) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Event>, E>> + Send + 'static,
        E: Display,
    {
        let (event_type, name) = (event_type.into(), Some(name.into()));
        self.add_action(ActionName { event_type, name }, action)
    }

    /// Sets how long a call of a function of [`on`](Self::on) and [`on_named`](Self::on_named) takes at most. 10 ms to 1 hour.
    /// Default: [`attempt_timeout`](Self::attempt_timeout). The lease of these calls is longer by as much as that of the
    /// worker is; its other jobs keep theirs.
    #[must_use]
    pub fn action_timeout(self, time: Duration) -> Self {
        self.extensions().get::<Actions>().set_timeout(time);
        self
    }

    fn add_action<F, R, E>(self, name: ActionName, action: F) -> Self
    where
        F: Fn(Event) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Event>, E>> + Send + 'static,
        E: Display,
    {
        let actions = self.extensions().get::<Actions>();
        let action = move |event: Event| {
            let calling = action(event);
            async move { calling.await.map_err(|error| error.to_string().into()) }.boxed()
        };
        if !actions.set(name, Arc::new(action)) {
            return self;
        }
        let handler = Arc::new(ActionHandler {
            salver: self.salver().clone(),
            validators: self.extensions().get(),
            actions,
        });
        self.events().handler(handler)
    }
}

impl Handler for ActionHandler {
    fn queue(&self) -> &'static str {
        ACTION_QUEUE
    }

    fn validate(&self) -> Result<(), Error> {
        let mut names = self.actions.names().into_iter();
        names.try_for_each(|name| name.validate())?;
        self.validators.get().check_number()
    }

    fn attempt_timeout(&self, setting: Duration) -> Duration {
        self.actions.timeout().unwrap_or(setting)
    }

    fn begin(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.register().boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.register().boxed()
    }

    fn report_dead<'a>(&'a self, job: &'a StoredJob) -> BoxFuture<'a, Result<(), Error>> {
        reports::dead(&self.salver, job).boxed()
    }

    fn attempt<'a>(&'a self, job: &'a StoredJob, now: u64) -> BoxFuture<'a, Outcome> {
        let call = self.call(job, now);
        call.map(|outcome| outcome.unwrap_or_else(Outcome::from))
            .boxed()
    }
}

impl ActionHandler {
    /// Registers the actions, so that other workers enqueue jobs for them.
    async fn register(&self) -> Result<(), Error> {
        let registry = EndpointRegistry {
            salver: &self.salver,
        };
        let known = registry.list().await?;
        for name in self.actions.names() {
            let id = name.id();
            if known.iter().any(|(known, _)| *known == id) {
                continue;
            }
            let record = name.record(MessageId::new().unix_ms());
            let add = |known: Option<_>| Ok(known.or_else(|| Some(record.clone())));
            registry.change(&id, add).await?;
        }
        Ok(())
    }

    async fn call(&self, job: &StoredJob, now: u64) -> Result<Outcome, Error> {
        let task: WebhookTask = match read_task(job) {
            Ok(task) => task,
            Err(outcome) => return Ok(outcome),
        };
        let found = try_join(
            endpoint(&self.salver, &task.endpoint),
            delivered_event(&self.salver, &task),
        );
        let (record, event) = found.await?;
        let action = self.actions.get(&task.endpoint);
        let Some(event) = event else {
            return Ok(Outcome::Dead("the event is not stored any more".to_owned()));
        };
        let state = record.map(|record| record.state);
        if state == Some(EndpointState::Disabled) {
            return Ok(Outcome::Dead("the action is disabled".to_owned()));
        }
        // An action of this worker need not be registered yet.
        let Some(action) = action else {
            let age = Duration::from_millis(now.saturating_sub(event.accepted));
            return Ok(without_action(state.is_some(), age));
        };
        let delivery = job.id.to_string();
        match action(event.event.clone()).await {
            Ok(Some(result)) => {
                let of = results::Of {
                    endpoint: &task.endpoint,
                    delivery: &delivery,
                    event: &event,
                    validators: &self.validators,
                };
                results::publish(&self.salver, result, of).await
            }
            Ok(None) => Ok(Outcome::Done),
            Err(error) => {
                keep_event(&self.salver, &task).await?;
                Ok(Outcome::Failed(format!("action: {error}")))
            }
        }
    }
}

/// Returns the outcome for an event of this age whose action this worker does not have.
fn without_action(is_registered: bool, age: Duration) -> Outcome {
    if !is_registered && age > REGISTRATION_TIMEOUT {
        return Outcome::Done;
    }
    if age > MAX_AGE_WITHOUT_ACTION {
        return Outcome::Dead("no worker has the function".to_owned());
    }
    let delay = age / AGE_PER_DELAY;
    Outcome::Later(delay.clamp(MIN_WITHOUT_ACTION_DELAY, MAX_WITHOUT_ACTION_DELAY))
}
