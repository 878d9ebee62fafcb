//! Actions: functions of a worker that are called with events, as an endpoint is over HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::Error;
use crate::events::endpoints::record::{EndpointRecord, EndpointState, Generation};
use crate::events::event::Event;
use crate::events::fan_out::renderers::RenderError;
use crate::events::limits::MAX_TYPE_BYTES;
use crate::validate::validate_name;

/// The beginning of the URL of an action, which no endpoint can have.
const SCHEME: &str = "action:";

/// The beginning of the id of an action.
pub(super) const ACTION_ID_PREFIX: &str = "action.";

/// A function that is called with an event. It may return a result.
pub(crate) type Action =
    dyn Fn(Event) -> BoxFuture<'static, Result<Option<Event>, RenderError>> + Send + Sync;

/// Which action it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ActionName {
    pub(crate) event_type: String,
    /// None: the one of its type without a name.
    pub(crate) name: Option<String>,
}

impl ActionName {
    /// Returns the id under which the action is registered. Neither a type nor a name has a colon.
    pub(crate) fn id(&self) -> String {
        format!("{ACTION_ID_PREFIX}{}", self.label())
    }

    fn label(&self) -> String {
        let event_type = &self.event_type;
        match &self.name {
            Some(name) => format!("{name}:{event_type}"),
            None => event_type.clone(),
        }
    }

    /// Returns the record of the action.
    pub(crate) fn record(&self, now: u64) -> EndpointRecord {
        EndpointRecord {
            url: format!("{SCHEME}{}", self.label()),
            types: vec![self.event_type.clone()],
            subject: None,
            results: Vec::new(),
            rate: 0,
            generation: Generation::first(now),
            state: EndpointState::Enabled,
            reason: None,
            created: now,
        }
    }

    /// # Errors
    ///
    /// `is_invalid`, naming the field.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let name = self.name.as_deref();
        name.map_or(Ok(()), |name| validate_name("name", name, MAX_TYPE_BYTES))?;
        self.record(0).validate()
    }
}

/// The actions of a worker.
#[derive(Default)]
pub(crate) struct Actions {
    all: Mutex<HashMap<ActionName, Arc<Action>>>,
    /// How long a call takes at most, if that differs from the other jobs of the worker.
    timeout: Mutex<Option<Duration>>,
}

impl Actions {
    fn lock(&self) -> MutexGuard<'_, HashMap<ActionName, Arc<Action>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how long a call takes at most.
    pub(crate) fn set_timeout(&self, time: Duration) {
        let mut timeout = self.timeout.lock().unwrap_or_else(PoisonError::into_inner);
        *timeout = Some(time);
    }

    /// Returns how long a call takes at most, if that was set.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        *self.timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets an action. Returns whether it is the first one.
    pub(crate) fn set(&self, name: ActionName, action: Arc<Action>) -> bool {
        let mut actions = self.lock();
        actions.insert(name, action);
        actions.len() == 1
    }

    /// Returns the action with an id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Action>> {
        let actions = self.lock();
        let found = actions.iter().find(|(name, _)| name.id() == id);
        found.map(|(_, action)| Arc::clone(action))
    }

    /// Returns which actions there are.
    pub(crate) fn names(&self) -> Vec<ActionName> {
        self.lock().keys().cloned().collect()
    }
}
