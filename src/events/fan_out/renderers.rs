//! How a worker notifies people of events.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use crate::events::event::Event;
use crate::events::subscription::Subscription;
use crate::{Notification, Recipient};

/// Any error of a renderer.
pub(crate) type RenderError = Box<dyn std::error::Error + Send + Sync>;

/// Who is notified of an event, and why.
#[derive(Clone)]
pub struct Match {
    recipient: Recipient,
    subscriptions: Vec<Subscription>,
}

impl Match {
    pub(in crate::events) fn new(recipient: Recipient, subscriptions: Vec<Subscription>) -> Self {
        Self {
            recipient,
            subscriptions,
        }
    }

    /// Returns who is notified.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// Returns all subscriptions of the recipient that match, at least one.
    #[must_use]
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }
}

impl fmt::Debug for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Match")
            .field("recipient", &self.recipient)
            .field("subscriptions", &self.subscriptions.len())
            .finish()
    }
}

pub(in crate::events) type Render =
    dyn Fn(Event, Match) -> BoxFuture<'static, Result<Notification, RenderError>> + Send + Sync;

/// The renderers of a worker.
#[derive(Default)]
pub(in crate::events) struct Renderers {
    by_type: Mutex<HashMap<&'static str, Arc<Render>>>,
    /// Whether the worker fans out events.
    has_handler: AtomicBool,
}

impl Renderers {
    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Arc<Render>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.by_type.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::events) fn get(&self, event_type: &str) -> Option<Arc<Render>> {
        self.lock().get(event_type).cloned()
    }

    pub(in crate::events) fn set(&self, event_type: &'static str, render: Arc<Render>) {
        self.lock().insert(event_type, render);
    }

    /// Returns whether the worker fans out events already. From now on it does.
    pub(in crate::events) fn begin(&self) -> bool {
        self.has_handler.swap(true, Ordering::Relaxed)
    }

    pub(in crate::events) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}
