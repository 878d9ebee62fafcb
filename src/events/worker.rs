//! What a worker needs to fan out events.

use std::sync::Arc;

use futures_util::future::FutureExt;

use crate::events::event::Event;
use crate::events::event_type::EventType;
use crate::events::fan_out::handler::FanOut;
use crate::events::fan_out::renderers::{Match, RenderError, Renderers};
use crate::jobs::Worker;
use crate::{Error, Notification};

impl Worker {
    /// Fans out events: each recipient who has subscribed gets a notification. What it has is decided by
    /// [`render`](Self::render), which calls this too, or by the [message](Event::message) of the event.
    #[must_use]
    pub fn events(self) -> Self {
        let renderers = self.extensions().get::<Renderers>();
        if renderers.begin() {
            return self;
        }
        let fan_out = FanOut::of(&self);
        self.handler(Arc::new(fan_out))
    }

    /// Sets how people are notified of events of a type: a [`Message`](crate::Message), or a [`Notification`] with a
    /// group, an actor and so on. Its kind is the type of the event, its subject that of the event, unless they are set.
    ///
    /// `render` is called for each recipient, perhaps more than once. It may block: the worker has a thread of its own. But
    /// up to 500 recipients are notified in one attempt, which has 2 minutes; let a rendering take less than 100 ms. An
    /// event of another type without a message is dead at once.
    ///
    /// If it fails or panics for up to 100 recipients, all others are notified. Then it is called again for these, and
    /// later by the schedule of jobs; the event is dead after five attempts that end in a panic. If it fails for more than
    /// 100, the attempt is repeated by the same schedule, and the recipients of later attempts wait.
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
        renderers.set(event_type.name(), Arc::new(render));
        self.events()
    }

    /// Publishes an event, and notifies all who have subscribed before it returns, in the caller's task. For tests and
    /// scripts. An event that is known is left to those who have published it.
    ///
    /// # Errors
    ///
    /// As [`Salver::publish`](crate::Salver::publish), and [`is_invalid`](Error::is_invalid) for an event that cannot
    /// be fanned out: the error of a renderer, or subscribers and no renderer. A worker that runs attempts it again.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some may have been notified. A worker that runs notifies the others.
    pub async fn publish(&self, event: Event) -> Result<(), Error> {
        let fan_out = FanOut::of(self);
        let published = fan_out.publish(event).await;
        published.map_err(|error| error.with_operation("publish"))
    }
}
