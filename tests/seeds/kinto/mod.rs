//! What the broker that Kinto drew has to do.

mod brokers;
mod delivery;
mod events;
mod shell;

use actix_web::{App, HttpServer};
use reqwest::{Client, Response};
use salver::broker::BrokerRoutes;
use salver::jobs::Worker;
use salver::{Error, Salver};
use serde_json::{Value, json};

use crate::support::broker_process::{BrokerProcess, TOKEN};
use crate::support::webhook_receiver::WebhookReceiver;

/// The HTTP API of a broker.
struct Broker {
    url: String,
    client: Client,
}

impl Broker {
    /// Returns that of another process.
    fn of(process: &BrokerProcess) -> Self {
        Self {
            url: process.url("/v1"),
            client: Client::new(),
        }
    }

    /// Serves that of this process.
    fn serve(
        salver: &Salver,
        configure: impl Fn(BrokerRoutes) -> BrokerRoutes + Clone + Send + 'static,
    ) -> Self {
        let served = salver.clone();
        let http = HttpServer::new(move || {
            App::new().service(configure(served.broker_routes().token(TOKEN)))
        });
        let http = http
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let url = format!("http://{}/v1", http.addrs()[0]);
        actix_web::rt::spawn(http.run());
        Self {
            url,
            client: Client::new(),
        }
    }

    async fn post(&self, path: &str, media_type: &str, body: &Value) -> Response {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request
            .bearer_auth(TOKEN)
            .header("content-type", media_type);
        request.body(body.to_string()).send().await.unwrap()
    }

    /// Publishes an event. Returns the status.
    async fn publish(&self, event: &Value) -> u16 {
        let media_type = "application/cloudevents+json";
        let response = self.post("/events", media_type, event).await;
        response.status().as_u16()
    }

    /// Registers an endpoint by the API, as a subscriber does itself, with its consent. Returns its id.
    async fn register(&self, receiver: &WebhookReceiver, path: &str, more: &Value) -> String {
        receiver.allow_origin(path, "*", None);
        let mut body = more.clone();
        body["url"] = receiver.url(path).into();
        body["handshake"] = true.into();
        let response = self.post("/endpoints", "application/json", &body).await;
        assert_eq!(response.status(), 201);
        let registered: Value = response.json().await.unwrap();
        receiver.set_secrets(path, &[registered["secret"].as_str().unwrap()]);
        registered["id"].as_str().unwrap().to_owned()
    }
}

/// An event that increments a counter.
fn increment(id: &str, by: u64) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/shop", "type": "counter.increment", "subject": "counters/1",
        "data": {"by": by},
    })
}

/// Returns a worker that counts.
fn counter(salver: &Salver) -> Worker {
    salver
        .worker()
        .webhooks()
        .on("counter.increment", |event| async move {
            let data: Value = event.get_data()?;
            let value = json!({"value": data["by"]});
            Ok::<_, Error>(Some(
                salver::events::Event::new("counter.changed").data(value),
            ))
        })
}

/// Returns the data of the events that have arrived at a path.
fn arrived(receiver: &WebhookReceiver, path: &str) -> Vec<Value> {
    let deliveries = receiver.deliveries().into_iter();
    let of_path = deliveries.filter(|one| one.path == path);
    let data = of_path.map(|one| {
        let mut event: Value = serde_json::from_str(&one.body).unwrap();
        event["data"].take()
    });
    data.collect()
}
