//! Texts of programs outside that are markup.

use std::time::Duration;

use salver::Salver;
use salver::events::Event;
use salver::jobs::DeliveryState;
use salver::store::{Clock, MemoryStore};
use salver::webhooks::Endpoint;

use super::visitor::{Operator, add_dead, settings};
use crate::broker::site::Broker;

const MARKUP: &str = r#"<img src=x onerror=alert(1)>"'&<script>alert(2)</script>"#;
const ESCAPED: &str =
    "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;&lt;script&gt;alert(2)&lt;/script&gt;";

/// Fails an action until its delivery is dead, with markup as its error.
async fn add_failed_action(salver: &Salver, clock: &Clock) {
    let worker = salver.worker().on("order.failed", |_| async {
        Err::<Option<Event>, _>(MARKUP)
    });
    let event = Event::new("order.failed").id(format!("failed {MARKUP}"));
    salver.publish(event.source("/shop")).await.unwrap();
    for _ in 0..20 {
        worker.drain().await.unwrap();
        clock.advance(Duration::from_secs(3 * 24 * 3600));
        let dead = salver.deliveries().list(DeliveryState::Dead, None).await;
        if dead.unwrap().iter().any(|one| one.channel == "action") {
            return;
        }
    }
    panic!("the action is not dead");
}

#[actix_web::test]
async fn markup_of_endpoints_events_and_errors_is_text() {
    let clock = Clock::manual();
    let store = MemoryStore::with_clock(clock.clone());
    let salver = settings().store(store).build().unwrap();
    add_failed_action(&salver, &clock).await;
    let endpoint =
        Endpoint::new("https://shop.example/<script>alert(1)</script><img/src/onerror=alert(1)>");
    let endpoint = endpoint.types(["order.created"]).subject(MARKUP);
    let (id, _) = salver.endpoints().add(endpoint).await.unwrap();
    let all = Endpoint::new("https://shop.example/'\"").types(["order.created"]);
    salver.endpoints().add(all).await.unwrap();
    add_dead(&salver, [format!("created {MARKUP}")]).await;
    let broker = Broker::serve(&salver, |routes| routes);
    let operator = Operator::logged_in(&broker).await;
    let page = operator.page().await;
    for text in [
        format!("about <bdi>{ESCAPED}</bdi>"),
        format!("order.created created {ESCAPED} to https://shop.example/&#39;%22"),
        format!("order.failed failed {ESCAPED} to the function of order.failed"),
        format!("<bdi>action: {ESCAPED}</bdi>"),
    ] {
        assert!(page.contains(&text), "{text}: {page}");
    }
    let question = operator.get(&format!("/endpoints/{id}/remove")).await;
    for page in [page, question.text().await.unwrap()] {
        assert!(
            !page.contains("<img") && !page.contains("<script"),
            "{page}"
        );
    }
    // A cookie that another program of the host has set.
    let request = operator.client.get(&operator.home);
    let name = "salver-broker-outcome-a172cedc";
    let request = request.header("cookie", format!("{name}=<script>"));
    let page = request.send().await.unwrap().text().await.unwrap();
    assert!(!page.contains("<script"));
}
