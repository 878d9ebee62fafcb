//! Endpoints, and events that go to all of them.

use comparison::Result;
use salver::events::Event;
use salver::webhooks::Endpoint;
use salver::{Salver, SalverBuilder};
use serde_json::json;

/// Deliveries a minute, so many that the rate of an endpoint bounds nothing.
const RATE: u32 = 60_000;

pub(crate) fn settings(builder: SalverBuilder) -> SalverBuilder {
    builder
        .secret([7; 32])
        .allow_http_endpoints()
        .allow_endpoint_networks(["127.0.0.0/8"])
}

pub(crate) fn salver(redis: &str) -> Result<Salver> {
    Ok(settings(Salver::builder("app").redis(redis)).build()?)
}

pub(crate) async fn register(salver: &Salver, ports: &[u16]) -> Result {
    for port in ports {
        let endpoint = Endpoint::new(format!("http://127.0.0.1:{port}/"));
        salver.endpoints().add(endpoint.rate(RATE)).await?;
    }
    Ok(())
}

/// Publishes events, and enqueues their deliveries.
pub(crate) async fn publish(salver: &Salver, events: usize) -> Result {
    for number in 0..events {
        let event = Event::new("order.paid").id(number.to_string());
        let data = json!({ "order": number, "total": "39.90", "currency": "EUR" });
        salver.publish(event.source("/shop").data(data)).await?;
    }
    // A worker without webhooks fans events out, and delivers none.
    salver.worker().events().drain().await?;
    Ok(())
}
