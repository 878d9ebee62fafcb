//! What a worker needs to deliver webhooks.

use std::sync::Arc;

use crate::jobs::Worker;
use crate::webhooks::delivery::WebhookHandler;

impl Worker {
    /// Delivers events to [endpoints](crate::webhooks::Endpoints), and fans out events. Needs
    /// [`SalverBuilder::secret`](crate::SalverBuilder::secret), which signs the deliveries.
    ///
    /// A delivery is sent at least once: if the worker is killed between the answer of the endpoint and the record of it,
    /// it is sent again, with the same `webhook-id`.
    #[must_use]
    pub fn webhooks(self) -> Self {
        let handler = Arc::new(WebhookHandler::new(&self));
        self.events().handler(handler)
    }
}
