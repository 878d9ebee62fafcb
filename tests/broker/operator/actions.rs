//! What the buttons do.

use salver::jobs::{Delivery, DeliveryState};
use salver::webhooks::EndpointState;

use super::visitor::{Operator, add_dead, is_login, register, status};
use crate::broker::site::Broker;
use crate::support::eventually;

async fn list(broker: &Broker, state: DeliveryState) -> Vec<Delivery> {
    let deliveries = broker.salver.deliveries();
    deliveries.list(state, None).await.unwrap()
}

#[actix_web::test]
async fn endpoint_is_disabled_enabled_and_removed() {
    for broker in Broker::on_both_stores() {
        let id = register(&broker.salver, "https://shop.example/hook").await;
        let operator = Operator::logged_in(&broker).await;
        let state = async || {
            let endpoints = broker.salver.endpoints().list().await.unwrap();
            endpoints.first().map(|endpoint| endpoint.state)
        };
        let path = |action: &str| format!("/endpoints/{id}/{action}");
        let page = operator.submit(&path("disable")).await;
        assert_eq!(status(&page), "The endpoint is disabled.");
        assert!(page.contains("<title>The endpoint is disabled. Broker of app</title>"));
        assert!(page.contains("by an operator"), "{page}");
        assert_eq!(state().await, Some(EndpointState::Disabled));
        // The status is shown once.
        assert_eq!(status(&operator.page().await), "");
        let page = operator.submit(&path("enable")).await;
        assert_eq!(status(&page), "The endpoint is enabled.");
        assert_eq!(state().await, Some(EndpointState::Enabled));

        let question = operator.get(&path("remove")).await;
        assert_eq!(question.status(), 200);
        let question = question.text().await.unwrap();
        assert!(question.contains("https://shop.example/hook"), "{question}");
        assert_eq!(state().await, Some(EndpointState::Enabled));
        let page = operator.submit(&path("remove")).await;
        assert_eq!(status(&page), "The endpoint was removed.");
        assert!(page.contains("No endpoint is registered."));
        assert_eq!(state().await, None);
        for action in ["enable", "disable", "remove"] {
            let page = operator.submit(&path(action)).await;
            assert_eq!(status(&page), "There is no such endpoint any more.");
        }
        assert_eq!(operator.get(&path("remove")).await.status(), 303);
        let unknown = operator.request(&path("rotate")).send().await.unwrap();
        assert_eq!(unknown.status(), 404);
    }
}

#[actix_web::test]
async fn dead_delivery_is_retried_and_cancelled() {
    for broker in Broker::on_both_stores() {
        register(&broker.salver, "https://shop.example/hook").await;
        add_dead(&broker.salver, ["1".to_owned(), "2".to_owned()]).await;
        let operator = Operator::logged_in(&broker).await;
        let dead = list(&broker, DeliveryState::Dead).await;
        assert_eq!(dead.len(), 2);
        let path = |action: &str| format!("/deliveries/{}/{action}", dead[0].id);
        let page = operator.submit(&path("retry")).await;
        assert_eq!(status(&page), "The delivery is attempted again.");
        let waiting = list(&broker, DeliveryState::Waiting).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].id, dead[0].id);
        let page = operator.submit(&path("cancel")).await;
        assert_eq!(status(&page), "The delivery was cancelled.");
        assert!(list(&broker, DeliveryState::Waiting).await.is_empty());
        assert_eq!(list(&broker, DeliveryState::Dead).await.len(), 1);
        let missing = "No delivery of this id waits or is dead any more.";
        for path in [
            path("cancel"),
            path("retry"),
            "/deliveries/1/retry".to_owned(),
        ] {
            let page = operator.submit(&path).await;
            assert_eq!(status(&page), missing);
        }
    }
}

#[actix_web::test]
async fn all_dead_deliveries_of_one_endpoint_are_retried() {
    for broker in Broker::on_both_stores() {
        let one = register(&broker.salver, "https://shop.example/one").await;
        register(&broker.salver, "https://shop.example/other").await;
        add_dead(&broker.salver, (0..3).map(|id| id.to_string())).await;
        let operator = Operator::logged_in(&broker).await;
        let page = operator.page().await;
        assert!(page.contains("https://shop.example/one</bdi>: 3 dead deliveries"));
        let path = format!("/endpoints/{one}/replay");
        assert!(page.contains(&format!(r#"action="{path}""#)));
        let page = operator.submit(&path).await;
        assert_eq!(status(&page), "3 deliveries are attempted again.");
        let waiting = list(&broker, DeliveryState::Waiting).await;
        assert!(
            waiting
                .iter()
                .all(|delivery| delivery.task["endpoint"] == *one)
        );
        let left = list(&broker, DeliveryState::Dead).await.len();
        assert_eq!((waiting.len(), left), (3, 3));
        let page = operator.submit(&path).await;
        assert_eq!(status(&page), "No delivery of this endpoint is dead.");
    }
}

#[actix_web::test]
async fn action_without_a_session_changes_nothing() {
    for broker in Broker::on_both_stores() {
        let endpoint = register(&broker.salver, "https://shop.example/hook").await;
        add_dead(&broker.salver, ["1".to_owned()]).await;
        let dead = list(&broker, DeliveryState::Dead).await;
        let visitor = Operator::of(&broker);
        let on_endpoint = ["enable", "disable", "remove", "replay"];
        let on_endpoint = on_endpoint.map(|action| format!("/endpoints/{endpoint}/{action}"));
        let on_delivery = ["retry", "cancel"];
        let on_delivery = on_delivery.map(|action| format!("/deliveries/{}/{action}", dead[0].id));
        for path in on_endpoint.iter().chain(&on_delivery) {
            let page = visitor.submit(path).await;
            assert!(is_login(&page) && status(&page).starts_with("Your session has ended"));
        }
        let question = visitor.get(&on_endpoint[2]).await;
        assert_eq!(question.status(), 303);
        let endpoints = broker.salver.endpoints().list().await.unwrap();
        assert_eq!(
            (endpoints.len(), endpoints[0].state),
            (1, EndpointState::Enabled)
        );
        assert_eq!(list(&broker, DeliveryState::Dead).await.len(), 1);
    }
}

#[actix_web::test]
async fn page_while_the_store_is_down_offers_a_retry() {
    let mut broker = Broker::redis();
    let endpoint = register(&broker.salver, "https://shop.example/hook").await;
    let operator = Operator::logged_in(&broker).await;
    let server = broker.server.as_mut().unwrap();
    server.kill();
    let page = operator.get("/").await;
    let action = operator.request(&format!("/endpoints/{endpoint}/disable"));
    for response in [
        page,
        action.send().await.unwrap(),
        operator.log_in("x").await,
    ] {
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key("retry-after"));
        let text = response.text().await.unwrap();
        assert!(text.contains("<button>Retry</button>"), "{text}");
    }
    server.respawn();
    eventually("the page is shown again", async || {
        (operator.get("/").await.status() == 200).then_some(())
    })
    .await;
}
