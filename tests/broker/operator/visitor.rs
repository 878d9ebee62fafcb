//! An operator with a browser that stores cookies, and brokers with something to show.

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use salver::events::Event;
use salver::webhooks::Endpoint;
use salver::{Salver, SalverBuilder};

use crate::broker::site::{Broker, TOKEN};

/// A browser that stores cookies and follows no redirects.
pub(super) struct Operator {
    pub(super) client: Client,
    pub(super) home: String,
}

impl Operator {
    pub(super) fn of(broker: &Broker) -> Self {
        let client = Client::builder().cookie_store(true);
        let client = client.redirect(Policy::none()).build().unwrap();
        let home = broker.url.strip_suffix("/v1").unwrap().to_owned();
        Self { client, home }
    }

    pub(super) async fn logged_in(broker: &Broker) -> Self {
        let operator = Self::of(broker);
        assert_eq!(operator.log_in(TOKEN).await.status(), 303);
        operator
    }

    pub(super) fn request(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.home))
    }

    pub(super) async fn log_in(&self, token: &str) -> Response {
        let form = self.request("/login").form(&[("token", token)]);
        form.send().await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        let get = self.client.get(format!("{}{path}", self.home));
        get.send().await.unwrap()
    }

    pub(super) async fn page(&self) -> String {
        let response = self.get("/").await;
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    /// Sends a form without fields. Returns the page to which it leads.
    pub(super) async fn submit(&self, path: &str) -> String {
        let response = self.request(path).send().await.unwrap();
        assert_eq!(response.status(), 303, "{path}");
        assert_eq!(response.headers()["location"], "/");
        self.page().await
    }
}

/// Returns whether a page has the form by which an operator logs in.
pub(super) fn is_login(page: &str) -> bool {
    page.contains(r#"type="password" autocomplete="current-password""#)
}

/// Returns what the status of a page says.
pub(super) fn status(page: &str) -> &str {
    let status = page.split(r#"role="status">"#).nth(1).unwrap();
    status.split('<').next().unwrap()
}

pub(super) fn settings() -> SalverBuilder {
    Salver::builder("app").secret([7; 32])
}

/// Registers an endpoint. Returns its id.
pub(super) async fn register(salver: &Salver, url: &str) -> String {
    let endpoint = Endpoint::new(url).types(["order.created"]);
    salver.endpoints().add(endpoint).await.unwrap().0
}

/// Publishes events, whose deliveries are dead because their endpoints are disabled.
pub(super) async fn add_dead(salver: &Salver, events: impl IntoIterator<Item = String>) {
    for id in events {
        let event = Event::new("order.created").id(id).source("/shop");
        salver.publish(event.data(7)).await.unwrap();
    }
    salver.worker().events().drain().await.unwrap();
    let endpoints = salver.endpoints();
    for endpoint in endpoints.list().await.unwrap() {
        endpoints.disable(&endpoint.id).await.unwrap();
    }
    salver.worker().webhooks().drain().await.unwrap();
    for endpoint in endpoints.list().await.unwrap() {
        endpoints.enable(&endpoint.id).await.unwrap();
    }
}
