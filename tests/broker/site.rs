//! A site that serves a broker.

use std::time::Duration;

use actix_web::{App, HttpServer};
use reqwest::{Client, Method, RequestBuilder, Response};
use salver::broker::BrokerRoutes;
use salver::store::RedisStore;
use salver::{Salver, SalverBuilder};
use serde_json::{Value, json};

pub(super) use crate::support::broker_process::TOKEN;
use crate::support::redis::Server;

pub(super) const STRUCTURED: &str = "application/cloudevents+json";
pub(super) const BATCH: &str = "application/cloudevents-batch+json";

pub(super) struct Broker {
    pub(super) url: String,
    pub(super) salver: Salver,
    pub(super) client: Client,
    pub(super) server: Option<Server>,
}

fn builder() -> SalverBuilder {
    // A machine that runs many tests may be slow.
    let builder = Salver::builder("app").call_timeout(Duration::from_secs(5));
    builder.secret([7; 32])
}

impl Broker {
    pub(super) fn memory() -> Self {
        Self::serve(&builder().build().unwrap(), |routes| routes)
    }

    pub(super) fn redis() -> Self {
        let server = Server::start();
        let broker = Self::on(&server, |routes| routes);
        Self {
            server: Some(server),
            ..broker
        }
    }

    /// Returns a broker on each store.
    pub(super) fn on_both_stores() -> [Self; 2] {
        [Self::memory(), Self::redis()]
    }

    /// Serves a broker of its own handle on a server, as another process does.
    pub(super) fn on(
        server: &Server,
        configure: impl Fn(BrokerRoutes) -> BrokerRoutes + Clone + Send + 'static,
    ) -> Self {
        let store = RedisStore::new(&server.url()).unwrap();
        Self::serve(&builder().store(store).build().unwrap(), configure)
    }

    pub(super) fn serve(
        salver: &Salver,
        configure: impl Fn(BrokerRoutes) -> BrokerRoutes + Clone + Send + 'static,
    ) -> Self {
        let served = salver.clone();
        let http = HttpServer::new(move || {
            App::new()
                .service(configure(served.broker_routes().token(TOKEN)))
                .service(served.broker_page().token(TOKEN))
        });
        let http = http.workers(1).disable_signals().bind("127.0.0.1:0");
        let http = http.unwrap();
        let url = format!("http://{}/v1", http.addrs()[0]);
        actix_web::rt::spawn(http.run());
        Self {
            url,
            salver: salver.clone(),
            client: Client::new(),
            server: None,
        }
    }

    /// Builds a request with a token.
    pub(super) fn request_as(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.request(method, url).bearer_auth(token)
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.request_as(TOKEN, Method::GET, path)
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.request_as(TOKEN, Method::POST, path)
    }

    /// Publishes an event, or a batch.
    pub(super) async fn publish(&self, body: &Value) -> Response {
        self.publish_as(TOKEN, body).await
    }

    pub(super) async fn publish_as(&self, token: &str, body: &Value) -> Response {
        let media_type = match body.is_array() {
            true => BATCH,
            false => STRUCTURED,
        };
        let request = self.request_as(token, Method::POST, "/events");
        let request = request.header("content-type", media_type);
        request.body(body.to_string()).send().await.unwrap()
    }

    /// Returns how many events wait to be fanned out.
    pub(super) async fn waiting(&self) -> u64 {
        self.salver.deliveries().counts().await.unwrap().due
    }
}

pub(super) fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "order.created", "data": {"total": 7}})
}

/// Returns the body of an error response. Panics if it is no problem document of this status.
pub(super) async fn problem(response: Response, status: u16) -> Value {
    let headers = response.headers().clone();
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    assert_eq!(headers["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string());
    problem
}
