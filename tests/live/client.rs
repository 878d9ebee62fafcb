//! A page that listens, without a browser.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::LocalBoxStream;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{SOON, Site};
use crate::faults::site::WHO;

/// One event as a browser reads it.
#[derive(Debug, Default, PartialEq)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: String,
}

impl Event {
    /// Gives the text of the message that it carries.
    pub fn text(&self) -> String {
        self.json()["message"]["text"].as_str().unwrap().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

/// An open stream.
pub struct Events {
    bytes: LocalBoxStream<'static, Result<Bytes, reqwest::Error>>,
    read: String,
    /// What the server says of when to come again, in milliseconds.
    pub retry: Option<u64>,
}

impl Events {
    /// Opens the stream of a view; it is open when the server has begun it.
    pub async fn open(site: &Site, visitor: &str, view: &str) -> Self {
        let response = listen(site, visitor, view).send().await.unwrap();
        Self::of(response).await
    }

    pub async fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "private, no-cache");
        let mut events = Self {
            bytes: response.bytes_stream().boxed_local(),
            read: String::new(),
            retry: None,
        };
        events.block().await.expect("the stream does not begin");
        events
    }

    /// Gives the next event; nothing at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let event = self.block().await?;
            if event != Event::default() {
                return Some(event);
            }
        }
    }

    /// Gives the next event, which has to come at once.
    pub async fn soon(&mut self) -> Event {
        let next = timeout(SOON, self.next()).await;
        next.expect("nothing comes").expect("the stream is over")
    }

    /// Makes sure that nothing comes for so long.
    pub async fn silence(&mut self, time: Duration) {
        if let Ok(event) = timeout(time, self.next()).await {
            panic!("{event:?} came");
        }
    }

    /// Reads up to the next empty line.
    async fn block(&mut self) -> Option<Event> {
        while !self.read.contains("\n\n") {
            let piece = self.bytes.next().await?.ok()?;
            self.read.push_str(std::str::from_utf8(&piece).unwrap());
        }
        let (block, rest) = self.read.split_once("\n\n").unwrap();
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
                field => panic!("a browser knows no field {field:?}"),
            }
        }
        self.read = rest.to_owned();
        Some(event)
    }
}

/// Asks for the stream of a view, as a page of the site does.
pub fn listen(site: &Site, visitor: &str, view: &str) -> reqwest::RequestBuilder {
    let mut url = url::Url::parse(&format!("{}/salver/stream", site.url)).unwrap();
    url.query_pairs_mut().append_pair("view", view);
    Client::new()
        .get(url)
        .header("accept", "text/event-stream")
        .header("sec-fetch-site", "same-origin")
        .header(WHO, visitor)
}

/// Says that messages are shown, as a page of the site does.
pub fn confirm(site: &Site, visitor: &str, view: &str, ids: &[&str]) -> reqwest::RequestBuilder {
    Client::new()
        .post(format!("{}/salver/confirm", site.url))
        .header("sec-fetch-site", "same-origin")
        .header(WHO, visitor)
        .json(&json!({ "view": view, "ids": ids }))
}
