//! What the page "Run a broker" says about the memory of Redis.

use salver::Salver;
use salver::events::Event;
use salver::webhooks::Endpoint;

use crate::support::inboxes::Inboxes;
use crate::support::redis::Server;
use crate::support::webhooks::{deliver, webhook_settings};

/// How many of each kind are stored.
const COUNT: u64 = 100;
/// How many endpoints get the events with many deliveries.
const ENDPOINTS: u64 = 10;

/// Returns the bytes that all keys take.
fn stored(server: &Server) -> u64 {
    let script = "local bytes = 0
        for _, key in ipairs(redis.call('KEYS', '*')) do
            bytes = bytes + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')
        end
        return bytes";
    server.run(&[b"EVAL", script.as_bytes(), b"0"])
}

/// Publishes events of a type. Returns the bytes for each of them, before and after they are fanned out.
async fn bytes_of_events(salver: &Salver, server: &Server, event_type: &str) -> [u64; 2] {
    let before = stored(server);
    for number in 0..COUNT {
        let event = Event::new(event_type).id(format!("{event_type}-{number}"));
        let event = event.source("/shop").data("x".repeat(1024));
        salver.publish(event).await.unwrap();
    }
    let waiting = stored(server);
    deliver(salver).await;
    [waiting, stored(server)].map(|after| after.saturating_sub(before) / COUNT)
}

/// Checks a row of the table. Fails if the figure is off by more than a tenth.
fn check(row: &str, bytes: u64) {
    println!("SIZE {row}: {bytes} bytes");
    let page = include_str!("../../src/docs/broker.md");
    let (_, sizing) = page.split_once("\n## Sizing\n").unwrap();
    let (_, figure) = sizing.split_once(&format!("\n| {row} | ")).unwrap();
    let (figure, _) = figure.split_once(" |").unwrap();
    let figure: u64 = figure.replace(',', "").parse().unwrap();
    assert!(
        figure.abs_diff(bytes) * 10 <= figure,
        "{row}: {bytes}, the page says {figure}"
    );
}

#[tokio::test]
async fn stored_bytes_are_those_of_the_page() {
    let inboxes = Inboxes::redis_with(webhook_settings);
    let (salver, server) = (&inboxes.salver, inboxes.server.as_ref().unwrap());
    // No program listens there.
    let url = "http://127.0.0.1:1/hook";
    let register = async |event_type: &str| {
        let endpoint = Endpoint::new(url).types([event_type]);
        salver.endpoints().add(endpoint).await.unwrap();
    };
    let empty = stored(server);
    for _ in 0..ENDPOINTS {
        register("many").await;
    }
    check("an endpoint", (stored(server) - empty) / ENDPOINTS);
    register("one").await;
    // The first event creates what all later ones use.
    salver.publish(Event::new("first")).await.unwrap();
    deliver(salver).await;

    let [waiting, kept] = bytes_of_events(salver, server, "none").await;
    check("an event that waits for a worker", waiting);
    check("an event after that", kept);
    let [_, one] = bytes_of_events(salver, server, "one").await;
    let [_, many] = bytes_of_events(salver, server, "many").await;
    check(
        "each delivery of it that waits or is dead",
        (many - one) / (ENDPOINTS - 1),
    );
}
