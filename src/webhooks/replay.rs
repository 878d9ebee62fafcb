//! Attempts deliveries to an endpoint again.

use time::OffsetDateTime;

use crate::Error;
use crate::events::queue_of;
use crate::jobs::{Deliveries, retry_selected};

impl Deliveries {
    /// Attempts all deliveries to an [endpoint](crate::webhooks::Endpoints) again that are dead since a time. Returns how many.
    /// For an endpoint that was repaired, or enabled again, and for a function by the id of its
    /// [endpoint](crate::jobs::Worker::on).
    ///
    /// One round trip for each 100 dead deliveries, and one for each page with some to this endpoint.
    ///
    /// # Errors
    ///
    /// As [`retry`](Self::retry).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some may have become due. Repeating is safe.
    pub async fn replay(
        &self,
        endpoint: &str,
        since: impl Into<OffsetDateTime>,
    ) -> Result<u64, Error> {
        let since = since.into().unix_timestamp_nanos() / 1_000_000;
        let since = u64::try_from(since).unwrap_or_default();
        retry_selected(self.salver(), queue_of(endpoint), |task, time| {
            let is_same = task.get("endpoint").and_then(|id| id.as_str()) == Some(endpoint);
            is_same && time >= since
        })
        .await
    }
}
