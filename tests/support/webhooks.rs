//! Sites whose endpoints are receivers on this machine.

use std::time::Duration;

use salver::events::Event;
use salver::webhooks::Endpoint;
use salver::{Salver, SalverBuilder};
use serde_json::Value;

use super::eventually_within;
use super::inboxes::Inboxes;
use super::webhook_receiver::{ReceivedRequest, WebhookReceiver};

/// How long a busy machine may take for all deliveries of a test.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings of a site with endpoints on this machine.
pub fn webhook_settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .secret([7; 32])
        .allow_http_endpoints()
        .allow_endpoint_networks(["127.0.0.0/8"])
}

/// Registers an endpoint at a path of a receiver, which verifies by its secret. Returns its id.
pub async fn register(
    salver: &Salver,
    receiver: &WebhookReceiver,
    path: &str,
    settings: impl FnOnce(Endpoint) -> Endpoint,
) -> String {
    let endpoint = settings(Endpoint::new(receiver.url(path)));
    let (id, secret) = salver.endpoints().add(endpoint).await.unwrap();
    receiver.set_secrets(path, &[&secret]);
    id
}

/// Performs all jobs that are due.
pub async fn deliver(salver: &Salver) {
    salver.worker().webhooks().drain().await.unwrap();
}

/// Waits until there are so many deliveries, and returns them. A clock that a test moves goes on meanwhile.
pub async fn arrived(
    inboxes: &Inboxes,
    receiver: &WebhookReceiver,
    count: usize,
) -> Vec<ReceivedRequest> {
    eventually_within(
        ARRIVAL_TIMEOUT,
        &format!("{count} deliveries"),
        async || {
            inboxes.advance_if_manual(Duration::from_millis(50));
            (receiver.count() >= count).then_some(())
        },
    )
    .await;
    receiver.deliveries()
}

/// Returns the bodies of the deliveries to a path.
pub fn body(receiver: &WebhookReceiver, path: &str) -> Vec<Value> {
    let deliveries = receiver.deliveries().into_iter();
    let of_path = deliveries.filter(|one| one.path == path);
    of_path
        .map(|one| serde_json::from_str(&one.body).unwrap())
        .collect()
}

/// Returns an event about an order.
pub fn order_paid(id: &str) -> Event {
    Event::new("order.paid").id(id).source("/shop").data(7)
}
