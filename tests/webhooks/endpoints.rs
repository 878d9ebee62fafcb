//! Endpoints are registered, listed and changed.

use std::time::Duration;

use salver::Salver;
use salver::webhooks::{Endpoint, EndpointState, MAX_ENDPOINTS};

use crate::inbox_tests;
use crate::support::webhook_receiver::WebhookReceiver;
use crate::support::webhooks::{deliver, order_paid, register, webhook_settings};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn site_without_a_secret_is_misconfigured() {
    let salver = Salver::memory("shop").unwrap();
    let endpoint = Endpoint::new("https://shop.example/hook");
    let error = salver.endpoints().add(endpoint).await.unwrap_err();
    assert!(error.is_misconfigured(), "{error}");
    let error = salver.worker().webhooks().start().unwrap_err();
    assert!(error.is_misconfigured(), "{error}");
}

#[tokio::test]
async fn wrong_settings_are_invalid() {
    let builder = Salver::builder("shop").allow_endpoint_networks(["ten"]);
    assert_eq!(builder.build().unwrap_err().field(), Some("network"));
    let salver = Salver::builder("shop")
        .secret([7; 32])
        .endpoint_ca_certificate("no certificate");
    let error = salver
        .build()
        .unwrap()
        .worker()
        .webhooks()
        .start()
        .unwrap_err();
    assert_eq!(error.field(), Some("endpoint_ca_certificate"));
}

#[tokio::test]
async fn wrong_endpoint_is_invalid() {
    let salver = Salver::builder("shop").secret([7; 32]).build().unwrap();
    let valid = || Endpoint::new("https://shop.example/hook");
    for (endpoint, field) in [
        (Endpoint::new("http://shop.example/hook"), "url"),
        (Endpoint::new("https://127.0.0.1/hook"), "url"),
        (Endpoint::new("action:order.paid"), "url"),
        (valid().types(["a b"]), "types"),
        (
            valid().types((0..101).map(|number| format!("a{number}"))),
            "types",
        ),
        (valid().results([""]), "results"),
        (valid().results(["salver.delivery.dead"]), "results"),
        (valid().subject(""), "subject"),
        (valid().rate(0), "rate"),
        (valid().rate(60_001), "rate"),
    ] {
        let error = salver.endpoints().add(endpoint).await.unwrap_err();
        assert_eq!(error.field(), Some(field), "{error}");
    }
    assert!(salver.endpoints().list().await.unwrap().is_empty());
}

#[tokio::test]
async fn endpoints_of_other_applications_are_not_listed() {
    let salver = Salver::builder("shop").secret([7; 32]).build().unwrap();
    let endpoint = Endpoint::new("https://shop.example/hook");
    salver.endpoints().add(endpoint).await.unwrap();
    let other = salver.with_app("other").unwrap();
    assert!(other.endpoints().list().await.unwrap().is_empty());
}

inbox_tests! {
    (webhook_settings)

    async fn repeated_registration_registers_once(inboxes: Inboxes) {
        let endpoints = inboxes.salver.endpoints();
        let endpoint = Endpoint::new("http://127.0.0.1/hook").types(["order.paid"]);
        let (first, again) = (
            endpoints.add(endpoint.clone()).await.unwrap(),
            endpoints.add(endpoint).await.unwrap(),
        );
        assert_eq!(first, again);
        endpoints.add(Endpoint::new("http://127.0.0.1/other")).await.unwrap();
        let urls: Vec<_> = endpoints.list().await.unwrap().into_iter().map(|one| one.url).collect();
        assert_eq!(urls, ["http://127.0.0.1/hook", "http://127.0.0.1/other"]);
    }

    async fn endpoint_above_the_limit_is_refused(inboxes: Inboxes) {
        let endpoints = inboxes.salver.endpoints();
        let endpoint = |number| Endpoint::new(format!("http://127.0.0.1/{number}"));
        for number in 0..MAX_ENDPOINTS {
            endpoints.add(endpoint(number)).await.unwrap();
        }
        assert!(endpoints.add(endpoint(MAX_ENDPOINTS)).await.unwrap_err().is_full());
        let first = endpoints.list().await.unwrap().remove(0).id;
        endpoints.remove(&first).await.unwrap();
        endpoints.add(endpoint(MAX_ENDPOINTS)).await.unwrap();
    }

    async fn old_and_new_secret_sign_for_a_day(inboxes: Inboxes, clock) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let endpoint = Endpoint::new(receiver.url("/hook"));
        let (id, old) = salver.endpoints().add(endpoint).await.unwrap();
        let new = salver.endpoints().rotate(&id).await.unwrap().unwrap();
        assert_ne!(old, new);
        // A repeat, since the reply may have been lost.
        assert_eq!(salver.endpoints().rotate(&id).await.unwrap().unwrap(), new);
        for (number, secret) in [&old, &new].into_iter().enumerate() {
            receiver.set_secrets("/hook", &[secret]);
            salver.publish(order_paid(&number.to_string())).await.unwrap();
            deliver(salver).await;
            assert_eq!(receiver.deliveries().len(), number + 1);
        }
        let signatures = |request: &crate::support::webhook_receiver::ReceivedRequest| {
            request.headers["webhook-signature"].split(' ').count()
        };
        let deliveries = receiver.deliveries();
        assert!(deliveries.iter().all(|one| signatures(one) == 2), "{deliveries:?}");
        inboxes.advance(HOUR * 25);
        salver.publish(order_paid("3")).await.unwrap();
        deliver(salver).await;
        assert_eq!(receiver.requests().last().map(signatures), Some(1));
        assert_eq!(salver.endpoints().rotate("unknown").await.unwrap(), None);
    }

    async fn disabled_endpoint_gets_nothing_until_it_is_enabled(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let id = register(salver, &receiver, "/hook", |endpoint| endpoint).await;
        salver.publish(order_paid("1")).await.unwrap();
        salver.worker().events().drain().await.unwrap();
        assert!(salver.endpoints().disable(&id).await.unwrap());
        salver.publish(order_paid("2")).await.unwrap();
        deliver(salver).await;
        let listed = salver.endpoints().list().await.unwrap().remove(0);
        assert_eq!(listed.state, EndpointState::Disabled);
        assert_eq!(listed.reason.as_deref(), Some("by an operator"));
        assert!(receiver.requests().is_empty());
        // What waited is dead, and listed; the second event was never for it.
        assert_eq!(salver.deliveries().counts().await.unwrap().dead, 1);
        assert!(salver.endpoints().enable(&id).await.unwrap());
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        assert_eq!(salver.deliveries().replay("other", epoch).await.unwrap(), 0);
        assert_eq!(salver.deliveries().replay(&id, epoch).await.unwrap(), 1);
        deliver(salver).await;
        let [delivery] = &receiver.deliveries()[..] else {
            panic!("{:?}", receiver.requests());
        };
        assert!(delivery.body.contains(r#""id":"1""#));
        assert!(!salver.endpoints().enable("unknown").await.unwrap());
        assert!(!salver.endpoints().disable("unknown").await.unwrap());
    }

    async fn url_is_registered_after_it_consents(inboxes: Inboxes) {
        let (salver, receiver) = (&inboxes.salver, WebhookReceiver::start());
        let endpoint = || Endpoint::new(receiver.url("/hook")).handshake();
        let add = async || salver.endpoints().add(endpoint()).await;
        assert_eq!(add().await.unwrap_err().field(), Some("url"));
        receiver.allow_origin("/hook", "other.example", None);
        assert_eq!(add().await.unwrap_err().field(), Some("url"));
        assert!(salver.endpoints().list().await.unwrap().is_empty());
        receiver.allow_origin("/hook", "app.example", Some(120));
        add().await.unwrap();
        receiver.allow_origin("/hook", "*", None);
        add().await.unwrap();
        let rates = salver.endpoints().list().await.unwrap();
        let rates: Vec<_> = rates.into_iter().map(|one| one.rate).collect();
        assert_eq!(rates, [120, 600]);
        receiver.stop();
        let error = add().await.unwrap_err();
        assert!(error.to_string().ends_with("cannot be asked for its consent: cannot connect"), "{error}");
    }
}
