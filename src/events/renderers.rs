//! What a worker tells people about events.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt};

use crate::events::event::Event;
use crate::events::event_type::EventType;
use crate::events::fan_out::FanOut;
use crate::events::subscription::Subscription;
use crate::jobs::Worker;
use crate::{Notification, Recipient};

/// Any error of a renderer.
pub type RenderError = Box<dyn std::error::Error + Send + Sync>;

/// Who is told about an event, and why.
#[derive(Clone)]
pub struct Match {
    recipient: Recipient,
    subscriptions: Vec<Subscription>,
}

impl Match {
    pub(super) fn new(recipient: Recipient, subscriptions: Vec<Subscription>) -> Self {
        Self {
            recipient,
            subscriptions,
        }
    }

    /// Returns who is told.
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

pub(super) type Render =
    dyn Fn(Event, Match) -> BoxFuture<'static, Result<Notification, RenderError>> + Send + Sync;

/// The renderers of a worker.
#[derive(Default)]
pub(super) struct Renderers {
    by_type: Mutex<HashMap<&'static str, Arc<Render>>>,
    /// Whether the worker fans out events.
    has_handler: AtomicBool,
}

impl Renderers {
    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Arc<Render>>> {
        // A panic cannot leave the map half changed, so a poisoned lock is safe to use.
        self.by_type.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, event_type: &str) -> Option<Arc<Render>> {
        self.lock().get(event_type).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

impl Worker {
    /// Fans out events: each recipient who has subscribed gets a notification. What it has is decided by
    /// [`render`](Self::render), which calls this too, or by the [message](Event::message) of the event.
    #[must_use]
    pub fn events(self) -> Self {
        let renderers = self.extensions().get::<Renderers>();
        if renderers.has_handler.swap(true, Ordering::Relaxed) {
            return self;
        }
        let fan_out = FanOut::of(&self);
        self.handler(Arc::new(fan_out))
    }

    /// Sets what people are told about events of a type: a [`Message`](crate::Message), or a [`Notification`] with a
    /// group, an actor and so on. Its kind is the type of the event, its subject that of the event, unless they are set.
    ///
    /// `render` is called for each recipient, perhaps more than once. It may block: the worker has a thread of its own.
    /// If it fails, the event is attempted again later, by the schedule of jobs. If it panics, too, but five times at
    /// most. An event of another type without a message is dead at once.
    ///
    /// ```
    /// use salver::events::EventType;
    /// use salver::{Message, Salver};
    ///
    /// const EDIT_DOCUMENT: EventType = EventType::new("wiki.edit.document", &[]);
    /// # fn main() -> Result<(), salver::Error> {
    /// # let salver = Salver::memory("wiki")?;
    /// let worker = salver.worker().render(&EDIT_DOCUMENT, |event, _matched| async move {
    ///     let title: String = event.get_data()?;
    ///     Ok(Message::info(format!("{title} was edited.")).action("See it", "/documents/7"))
    /// });
    /// # let _ = worker;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn render<F, R, N>(self, event_type: &EventType, render: F) -> Self
    where
        F: Fn(Event, Match) -> R + Send + Sync + 'static,
        R: Future<Output = Result<N, RenderError>> + Send + 'static,
        N: Into<Notification>,
    {
        let render = move |event: Event, matched: Match| {
            let rendering = render(event, matched);
            async move { rendering.await.map(Into::into) }.boxed()
        };
        let renderers = self.extensions().get::<Renderers>();
        renderers.lock().insert(event_type.name(), Arc::new(render));
        self.events()
    }
}
