//! What the page shows.

use salver::events::{Event, Subscription};
use salver::webhooks::Endpoint;
use salver::{Message, Recipient};

use super::visitor::{Operator, add_dead, register};
use crate::broker::site::{Broker, event};
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{self, webhook_settings};

#[actix_web::test]
async fn empty_broker_says_so() {
    for broker in Broker::on_both_stores() {
        let page = Operator::logged_in(&broker).await.page().await;
        for text in [
            "In the last minute this process accepted no event and delivered nothing.",
            "No endpoint is registered.",
            "No delivery is dead.",
            "none waits",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!page.contains("<svg") && !page.contains("<script"));
        assert_eq!(page.matches("<h1>").count(), 1);
    }
}

#[actix_web::test]
async fn accepted_events_and_deliveries_are_plotted() {
    let salver = webhook_settings(salver::Salver::builder("app"));
    let broker = Broker::serve(&salver.build().unwrap(), |routes| routes);
    let receiver = WebhookReceiver::start();
    webhooks::register(&broker.salver, &receiver, "/hook", |one| {
        one.types(["order.created"])
    })
    .await;
    for id in ["1", "2", "3"] {
        assert_eq!(broker.publish(&event(id)).await.status(), 202);
    }
    assert_eq!(broker.publish(&event("")).await.status(), 422);
    broker.salver.worker().webhooks().drain().await.unwrap();
    let page = Operator::logged_in(&broker).await.page().await;
    let summary = "this process accepted 3 events, at most 3 a minute, and made 3 deliveries.";
    // As a sentence and as the description of the plot.
    assert_eq!(
        page.matches(summary).count(),
        2,
        "{}",
        &page[page.find("<h2").unwrap()..]
    );
    assert!(page.contains(r#"role="img" aria-labelledby="plot-title plot-summary""#));
    assert_eq!(page.matches("<rect").count(), 1);
    assert!(page.contains("This process began to count <time datetime="));
}

/// Returns the row of a channel, without its tags.
fn row(page: &str, name: &str) -> Vec<String> {
    let row = page
        .split(&format!(r#"role="rowheader">{name}</th>"#))
        .nth(1);
    let row = row.unwrap().split("</tr>").next().unwrap();
    let cells = row.split("</div></td>").filter(|cell| !cell.is_empty());
    cells
        .map(|cell| cell.rsplit('>').next().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn queues_are_counted_by_channel() {
    for broker in Broker::on_both_stores() {
        let salver = &broker.salver;
        register(salver, "https://shop.example/hook").await;
        add_dead(salver, (0..3).map(|id| id.to_string())).await;
        // One event waits, and two deliveries.
        for id in ["a", "b"] {
            let event = Event::new("order.created").id(id).source("/shop");
            salver.publish(event).await.unwrap();
        }
        salver.worker().events().drain().await.unwrap();
        let event = Event::new("order.created").id("c").source("/shop");
        salver.publish(event).await.unwrap();
        let page = Operator::logged_in(&broker).await.page().await;
        let counts = |name| row(&page, name)[..3].join(" ");
        assert_eq!(counts("Events to fan out"), "1 0 0");
        assert_eq!(counts("Webhooks"), "2 0 3");
        assert_eq!(counts("Mails"), "0 0 0");
        assert_eq!(row(&page, "Mails")[3], "none waits");
        assert_ne!(row(&page, "Webhooks")[3], "none waits");
    }
}

#[actix_web::test]
async fn endpoints_are_listed_without_their_secrets() {
    for broker in Broker::on_both_stores() {
        let endpoint = Endpoint::new("https://shop.example/hook?key=topsecret");
        let endpoint = endpoint
            .types(["order.paid", "order.sent"])
            .subject("orders/7");
        broker.salver.endpoints().add(endpoint).await.unwrap();
        let all = Endpoint::new("https://all.example/");
        broker.salver.endpoints().add(all).await.unwrap();
        let page = Operator::logged_in(&broker).await.page().await;
        assert!(page.contains("<bdi>https://shop.example/hook</bdi>"));
        assert!(page.contains("<bdi>order.paid, order.sent</bdi>, about <bdi>orders/7</bdi>"));
        assert!(page.contains("all types"));
        assert!(!page.contains("topsecret") && !page.contains("whsec_"));
    }
}

#[actix_web::test]
async fn newest_hundred_dead_deliveries_are_listed() {
    for broker in Broker::on_both_stores() {
        let salver = &broker.salver;
        register(salver, "https://shop.example/hook").await;
        add_dead(salver, (0..30).map(|id| format!("old-{id}"))).await;
        add_dead(salver, (0..100).map(|id| format!("new-{id}"))).await;
        let page = Operator::logged_in(&broker).await.page().await;
        let listed = "The newest 100 of 130 are listed.";
        assert!(
            page.contains(listed),
            "{}",
            row(&page, "Webhooks").join(" ")
        );
        for id in 0..100 {
            let what = format!("<bdi>order.created new-{id} to https://shop.example/hook</bdi>");
            assert!(page.contains(&what), "{what}");
        }
        assert!(!page.contains("old-"));
        assert!(page.contains("<bdi>the endpoint is disabled</bdi>"));
        assert!(page.contains(r#"data-label="Attempts"><div>1</div></td>"#));
        assert!(page.contains("just now</time>"));
    }
}

#[actix_web::test]
async fn dead_event_is_named_by_its_type_and_id() {
    for broker in Broker::on_both_stores() {
        // Without a renderer and without a message.
        let subscription = Subscription::new("order.created");
        let ada = Recipient::user(7);
        broker.salver.subscribe(&ada, subscription).await.unwrap();
        broker.publish(&event("7-of-ada")).await;
        let other = salver::events::EventType::new("order.paid", &[]);
        let worker = broker.salver.worker();
        let worker = worker.render(&other, |_, _| async { Ok(Message::info("x")) });
        worker.drain().await.unwrap();
        let page = Operator::logged_in(&broker).await.page().await;
        assert!(page.contains("<bdi>order.created 7-of-ada</bdi>"), "{page}");
        assert_eq!(row(&page, "Events to fan out")[2], "1");
    }
}
