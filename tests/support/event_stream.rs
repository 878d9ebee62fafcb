//! A client of the stream without a browser.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::LocalBoxStream;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::fault_site::VISITOR_HEADER;
use crate::support::live_site::LiveSite;

/// Timeout for an event that is expected immediately.
const EVENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A Server-Sent Event, parsed as a browser does.
#[derive(Debug, Default, PartialEq)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: String,
}

impl Event {
    /// Returns the text of the message in the event.
    pub fn text(&self) -> String {
        self.json()["message"]["text"].as_str().unwrap().to_owned()
    }

    /// Returns the id of the message in the event.
    pub fn message_id(&self) -> String {
        self.json()["message"]["id"].as_str().unwrap().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

/// An open stream.
pub struct EventStream {
    bytes: LocalBoxStream<'static, Result<Bytes, reqwest::Error>>,
    buffer: String,
    /// The last `retry` field of the server: the reconnect delay in milliseconds.
    pub retry: Option<u64>,
}

impl EventStream {
    /// Opens the stream of a view, and waits for the first frame.
    pub async fn open(site: &LiveSite, visitor: &str, view: &str) -> Self {
        Self::open_with(site, visitor, &[("view", view)]).await
    }

    /// Opens the stream with a query, and waits for the first frame.
    pub async fn open_with(site: &LiveSite, visitor: &str, query: &[(&str, &str)]) -> Self {
        let request = stream_request_with(site, visitor, query);
        Self::from_response(request.send().await.unwrap()).await
    }

    pub async fn from_response(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(
            response.headers()["cache-control"],
            "private, no-cache, no-transform"
        );
        let mut events = Self {
            bytes: response.bytes_stream().boxed_local(),
            buffer: String::new(),
            retry: None,
        };
        events.read_event().await.expect("the stream sends a frame");
        events
    }

    /// Returns the next event, or `None` at the end of the stream. Skips comments.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let event = self.read_event().await?;
            if event != Event::default() {
                return Some(event);
            }
        }
    }

    /// Returns the next event. Fails if none arrives within `EVENT_TIMEOUT`.
    pub async fn expect_next(&mut self) -> Event {
        let next = timeout(EVENT_TIMEOUT, self.next()).await;
        next.expect("an event arrives in time")
            .expect("the stream is open")
    }

    /// Fails if an event arrives within `time`.
    pub async fn expect_none(&mut self, time: Duration) {
        if let Ok(event) = timeout(time, self.next()).await {
            panic!("unexpected event: {event:?}");
        }
    }

    /// Reads the event up to the next empty line.
    async fn read_event(&mut self) -> Option<Event> {
        while !self.buffer.contains("\n\n") {
            let chunk = self.bytes.next().await?.ok()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let (block, rest) = self.buffer.split_once("\n\n").unwrap();
        let mut event = Event::default();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "id" => event.id = value,
                "event" => event.name = value,
                "data" => event.data = value,
                "retry" => self.retry = Some(value.parse().unwrap()),
                "" => {}
                field => panic!("unknown field {field:?}"),
            }
        }
        self.buffer = rest.to_owned();
        Some(event)
    }
}

/// Returns a request for the stream of a view, as a page of the site sends it.
pub fn stream_request(site: &LiveSite, visitor: &str, view: &str) -> reqwest::RequestBuilder {
    stream_request_with(site, visitor, &[("view", view)])
}

/// Returns a request for the stream with a query.
pub fn stream_request_with(
    site: &LiveSite,
    visitor: &str,
    query: &[(&str, &str)],
) -> reqwest::RequestBuilder {
    let mut url = url::Url::parse(&format!("{}/salver/stream", site.url)).unwrap();
    url.query_pairs_mut().extend_pairs(query);
    Client::new()
        .get(url)
        .header("accept", "text/event-stream")
        .header("sec-fetch-site", "same-origin")
        .header(VISITOR_HEADER, visitor)
}

/// Returns a request that confirms messages, as a page of the site sends it.
pub fn confirm_request(
    site: &LiveSite,
    visitor: &str,
    view: &str,
    ids: &[&str],
) -> reqwest::RequestBuilder {
    Client::new()
        .post(format!("{}/salver/confirm", site.url))
        .header("sec-fetch-site", "same-origin")
        .header(VISITOR_HEADER, visitor)
        .json(&json!({ "view": view, "ids": ids }))
}
