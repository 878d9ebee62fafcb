//! All that the page shows of the store.

use std::collections::BTreeMap;

use futures_util::future::try_join3;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::events::{Event, WebhookTask, delivered_event};
use crate::jobs::{Delivery, DeliveryCounts, EVENTS_QUEUE};
use crate::webhooks::RegisteredEndpoint;
use crate::{Error, Salver};

/// Most events that are read at the same time for one page. More would delay the calls of others.
const MAX_CONCURRENT_READS: usize = 16;

/// All that the page shows of the store.
pub(super) struct Snapshot {
    pub(super) queues: BTreeMap<&'static str, DeliveryCounts>,
    pub(super) endpoints: Vec<RegisteredEndpoint>,
    pub(super) dead: Vec<DeadDelivery>,
}

/// A delivery that is dead, with its event if that is still stored.
pub(super) struct DeadDelivery {
    pub(super) delivery: Delivery,
    pub(super) event: Option<Event>,
    /// `None` for one that is about no event.
    pub(super) task: Option<WebhookTask>,
}

impl Snapshot {
    /// Reads it. One round trip for the endpoints, two for each channel, and one for each dead delivery about an event.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) async fn read(salver: &Salver) -> Result<Self, Error> {
        let (deliveries, endpoints) = (salver.deliveries(), salver.endpoints());
        let read = try_join3(
            deliveries.counts_by_channel(),
            endpoints.list(),
            dead_deliveries(salver),
        );
        let (queues, endpoints, dead) = read.await?;
        Ok(Self {
            queues,
            endpoints,
            dead,
        })
    }
}

async fn dead_deliveries(salver: &Salver) -> Result<Vec<DeadDelivery>, Error> {
    let dead = salver.deliveries().newest_dead().await?;
    let with_events = dead.into_iter().map(|delivery| async move {
        let task = task_of_event(&delivery);
        let event = match &task {
            Some(task) => match delivered_event(salver, task).await {
                Ok(found) => found.map(|found| found.event.clone()),
                // Another program has damaged the job.
                Err(error) if error.is_invalid() => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        Ok(DeadDelivery {
            delivery,
            event,
            task,
        })
    });
    stream::iter(with_events)
        .buffered(MAX_CONCURRENT_READS)
        .try_collect()
        .await
}

/// Returns the event and the endpoint of a delivery; `None` for one that is about no event.
fn task_of_event(delivery: &Delivery) -> Option<WebhookTask> {
    match delivery.channel {
        // The job that fans an event out has the id of the event.
        EVENTS_QUEUE => Some(WebhookTask {
            event: delivery.id.clone(),
            endpoint: String::new(),
        }),
        _ => serde_json::from_value(delivery.task.clone()).ok(),
    }
}
