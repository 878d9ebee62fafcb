//! Actions: functions of a worker that are called with events, as an endpoint is over HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use crate::events::endpoints::record::{EndpointRecord, EndpointState, Generation};
use crate::events::event::Event;
use crate::events::renderers::RenderError;

/// The beginning of the URL of an action, which no endpoint can have.
const SCHEME: &str = "action:";

/// The beginning of the id of an action.
pub(super) const ACTION_ID_PREFIX: &str = "action.";

/// A function that is called with an event. It may return a result.
pub(crate) type Action =
    dyn Fn(Event) -> BoxFuture<'static, Result<Option<Event>, RenderError>> + Send + Sync;

/// The actions of a worker, by the type of their events.
#[derive(Default)]
pub(crate) struct Actions(Mutex<HashMap<String, Arc<Action>>>);

impl Actions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Action>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the action of a type. Returns whether it is the first action.
    pub(crate) fn set(&self, event_type: String, action: Arc<Action>) -> bool {
        let mut actions = self.lock();
        actions.insert(event_type, action);
        actions.len() == 1
    }

    pub(crate) fn get(&self, event_type: &str) -> Option<Arc<Action>> {
        self.lock().get(event_type).cloned()
    }

    /// Returns the types.
    pub(crate) fn types(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }
}

/// Returns the id under which the action of a type is registered.
pub(crate) fn action_id(event_type: &str) -> String {
    format!("{ACTION_ID_PREFIX}{event_type}")
}

impl EndpointRecord {
    /// Returns the record of the action of a type.
    pub(crate) fn of_action(event_type: &str, now: u64) -> Self {
        Self {
            url: format!("{SCHEME}{event_type}"),
            types: vec![event_type.to_owned()],
            subject: None,
            results: Vec::new(),
            rate: 0,
            generation: Generation {
                number: 0,
                since: now,
            },
            state: EndpointState::Enabled,
            reason: None,
            created: now,
        }
    }
}
