//! Programs that publish events through brokers that are killed, and one that forges.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::support::broker_process::{BrokerProcess, TOKEN};
use crate::support::webhook_receiver::WebhookReceiver;

pub const PUBLISHERS: usize = 16;
pub const ENDPOINTS: usize = 8;
/// Every other publisher sends so many in one request.
const EVENTS_PER_BATCH: usize = 20;
/// One request of so many is preceded by a forged event and a forged delivery.
const REQUESTS_PER_FORGED: usize = 10;
const FORGED: &str = "forged-";
const SINGLE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// Two brokers on one Redis, one of which may be gone, and what the publishers have counted.
pub struct Brokers {
    redis: String,
    running: Mutex<[Option<BrokerProcess>; 2]>,
    pub acknowledged: AtomicUsize,
    /// Requests without an acknowledgement, which were repeated.
    pub repeated: AtomicUsize,
    pub forged: AtomicUsize,
    forged_accepted: AtomicUsize,
}

impl Brokers {
    pub fn start(redis: String) -> Self {
        Self {
            running: Mutex::new([0, 1].map(|_| Some(BrokerProcess::start(&redis)))),
            redis,
            acknowledged: AtomicUsize::new(0),
            repeated: AtomicUsize::new(0),
            forged: AtomicUsize::new(0),
            forged_accepted: AtomicUsize::new(0),
        }
    }

    /// Kills a broker, which is a worker too, and starts another one.
    pub fn kill(&self, number: usize) {
        let killed = self.running.lock().unwrap()[number].take();
        killed.unwrap().kill();
        let other = BrokerProcess::start(&self.redis);
        self.running.lock().unwrap()[number] = Some(other);
    }

    /// Ends both when their requests and attempts have ended.
    pub fn stop(&self) {
        for broker in self.running.lock().unwrap().each_mut() {
            broker.take().unwrap().stop();
        }
    }

    /// Returns how many forged events and deliveries were accepted, or have arrived.
    pub fn forged_accepted(&self, receiver: &WebhookReceiver) -> usize {
        let arrived = receiver.deliveries().into_iter();
        let forged = arrived.filter(|one| one.body.contains(FORGED)).count();
        self.forged_accepted.load(Ordering::Relaxed) + forged
    }

    /// Posts events. Returns the status, if there is a reply.
    async fn post(
        &self,
        client: &Client,
        broker: usize,
        token: &str,
        mut events: Vec<Value>,
    ) -> Option<u16> {
        let url = {
            let running = self.running.lock().unwrap();
            running[broker % 2].as_ref()?.url("/v1/events")
        };
        let (media_type, body) = match events.len() {
            1 => (SINGLE, events.remove(0)),
            _ => (BATCH, events.into()),
        };
        let request = client.post(url).bearer_auth(token);
        let request = request.header("content-type", media_type);
        let response = request.body(body.to_string()).send().await;
        response.as_ref().map(status).ok()
    }
}

/// A program that publishes events.
pub struct Publisher {
    pub brokers: Arc<Brokers>,
    pub receiver: Arc<WebhookReceiver>,
    client: Client,
}

impl Publisher {
    pub fn new(brokers: &Arc<Brokers>, receiver: &Arc<WebhookReceiver>) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(10));
        Self {
            brokers: Arc::clone(brokers),
            receiver: Arc::clone(receiver),
            client: client.build().unwrap(),
        }
    }

    /// Publishes one of [`PUBLISHERS`] parts of so many events. Repeats each request until it is acknowledged.
    pub async fn publish(&self, part: usize, events: usize) {
        let numbers: Vec<_> = (part..events).step_by(PUBLISHERS).collect();
        let size = [1, EVENTS_PER_BATCH][part % 2];
        for (request, numbers) in numbers.chunks(size).enumerate() {
            if request % REQUESTS_PER_FORGED == 0 {
                self.forge(numbers[0]).await;
            }
            let events = numbers.iter().map(|number| event("", *number));
            let events: Vec<_> = events.collect();
            let mut broker = numbers[0] / PUBLISHERS;
            loop {
                let posted = self
                    .brokers
                    .post(&self.client, broker, TOKEN, events.clone());
                match posted.await {
                    Some(202) => break,
                    Some(status @ 400..429) => panic!("{status}"),
                    _ => broker += 1,
                }
                self.brokers.repeated.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let acknowledged = &self.brokers.acknowledged;
            acknowledged.fetch_add(numbers.len(), Ordering::Relaxed);
        }
    }

    /// Publishes an event with a wrong token, and delivers one with a wrong signature.
    async fn forge(&self, number: usize) {
        let event = event(FORGED, number);
        let delivery = self.client.post(self.receiver.url(&path(number)));
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + self.receiver.ahead();
        let signature = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let delivery = delivery
            .header("webhook-id", format!("{FORGED}{number}"))
            .header("webhook-timestamp", time.as_secs().to_string())
            .header("webhook-signature", signature)
            .body(event.to_string());
        let delivered = delivery.send().await.as_ref().map(status).ok();
        let token = "a-token-of-a-stranger";
        let posted = self.brokers.post(&self.client, number, token, vec![event]);
        // Without a reply it was refused too.
        for status in [delivered, posted.await].into_iter().flatten() {
            self.brokers.forged.fetch_add(1, Ordering::Relaxed);
            let accepted = usize::from(status < 400);
            let count = &self.brokers.forged_accepted;
            count.fetch_add(accepted, Ordering::Relaxed);
        }
    }
}

fn status(response: &Response) -> u16 {
    response.status().as_u16()
}

fn endpoint_of(number: usize) -> usize {
    // Each publisher has events for all endpoints.
    number / PUBLISHERS % ENDPOINTS
}

/// Returns the type of the events of an endpoint.
pub fn event_type(endpoint: usize) -> String {
    format!("order.{endpoint}")
}

/// Returns the path of the endpoint that gets an event.
pub fn path(number: usize) -> String {
    format!("/hook-{}", endpoint_of(number))
}

fn event(prefix: &str, number: usize) -> Value {
    let (id, event_type) = (format!("{prefix}{number}"), event_type(endpoint_of(number)));
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": event_type, "data": number})
}
